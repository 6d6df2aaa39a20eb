//! What the functions of steps and signals promise, one call after another.

use std::time::Duration;

use pgjobs_tests::Db;
use uuid_of::ANY;

use crate::support::{Run, consume, execute, left, publish, why};

mod uuid_of {
    pub(super) const ANY: &str = "11111111-1111-1111-1111-111111111111";
}

#[tokio::test]
async fn what_is_recorded_first_holds_until_its_inputs_are_others() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    assert_eq!(run.save(&db, "'a', '1'").await, "1");
    assert_eq!(run.save(&db, "'a', '2'").await, "1");
    assert_eq!(run.save(&db, "'b', '1', '{\"x\": 1, \"y\": 2}'").await, "1");
    assert_eq!(
        run.save(&db, "'b', '2', '{\"y\": 2, \"x\": 1}'").await,
        "1",
        "the order of keys says nothing"
    );
    assert_eq!(run.save(&db, "'b', '3', '{\"x\": 2}'").await, "3");
    assert_eq!(run.save(&db, "'c'").await, "null");
    let kept: Vec<String> = db.all("select name || ' ' || value from jobs.checkpoint order by 1").await;
    assert_eq!(kept, ["a 1", "b 3", "c null"]);
    let hashes: Vec<i32> =
        db.all("select octet_length(inputs_hash) from jobs.checkpoint where inputs_hash is not null").await;
    assert_eq!(hashes, [32], "of inputs, which may be secrets, a hash is kept");
}

#[tokio::test]
async fn a_later_run_begins_with_what_earlier_ones_have_recorded() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.save(&db, "'small', '1'").await;
    run.save(&db, "'large', to_jsonb(repeat(md5('x'), 3000))").await;
    db.run(&run.call("sleep", "'nap', 60")).await;
    run.settle(&db, "retry", 0.0).await;
    let again = consume(&db).await;
    let known: Vec<String> = db
        .all(&again.call("begin_steps", "").replace(
            "select *",
            "select name || ' ' || kind || ' ' || coalesce(value::text, '-') || ' ' || is_large || ' ' || is_over",
        ))
        .await;
    assert_eq!(known.len(), 3);
    assert!(known.contains(&"small step 1 false true".to_owned()), "{known:?}");
    assert!(known.contains(&"nap sleep - false false".to_owned()), "{known:?}");
    assert!(known.iter().any(|step| step == "large step - true true"), "{known:?}");
    let large: i32 = db.one(&format!("select length(jobs.step_value('{}', 'large')::text)", again.job)).await;
    assert_eq!(large, 96_002);
}

#[tokio::test]
async fn nothing_is_recorded_without_the_lease_of_the_run() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    let other = Run { job: run.job.clone(), lease: ANY.to_owned() };
    run.settle(&db, "release", 0.0).await;
    let next = consume(&db).await;
    for lost in [&run, &other] {
        for call in [
            lost.call("save_step", "'a', '1'"),
            lost.call("begin_steps", ""),
            lost.call("find_step", "'a'"),
            lost.call("sleep", "'a', 1"),
            lost.call("await_signal", "'a', 1"),
        ] {
            let (code, message) = db.refusal(&call).await;
            assert_eq!((code.as_str(), message.as_str()), ("PT409", "lease_lost"), "{call}");
        }
    }
    let (code, message) = db.refusal(&format!("select jobs.save_step('{}', null, 'a')", next.job)).await;
    assert!(code == "PT400" && message.contains("lease"), "{message}");
    assert_eq!(left(&db).await, "0 0 0 0");
}

#[tokio::test]
async fn values_and_names_that_cannot_be_recorded_are_refused_by_name() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    db.run("update jobs.config set max_step_bytes = 10").await;
    let (code, message) = db.refusal(&run.call("save_step", "'page', '\"12345678901\"'")).await;
    assert_eq!(code, "PT413");
    assert!(
        message.contains("'page'") && message.contains("13 bytes") && message.contains("10"),
        "{message}"
    );
    let (code, _) = db.refusal("select jobs.signal('go', '\"12345678901\"')").await;
    assert_eq!(code, "PT413");
    for name in ["''", "null", "repeat('x', 201)", "E'a\\nb'"] {
        for call in [
            run.call("save_step", name),
            run.call("sleep", &format!("{name}, 1")),
            run.call("await_signal", &format!("{name}, 1")),
            format!("select jobs.signal({name})"),
        ] {
            assert_eq!(db.refusal(&call).await.0, "PT400", "{call}");
        }
    }
    for seconds in ["-1", "null", "'nan'", "315576001"] {
        assert_eq!(db.refusal(&run.call("sleep", &format!("'a', {seconds}"))).await.0, "PT400");
        assert_eq!(db.refusal(&run.call("await_signal", &format!("'a', {seconds}"))).await.0, "PT400");
    }
    run.save(&db, "'taken', '1'").await;
    let (code, message) = db.refusal(&run.call("sleep", "'taken', 1")).await;
    assert!(code == "PT400" && message.contains("recorded as a step"), "{message}");
    assert_eq!(
        run.save(&db, "'\u{202e}''; drop table jobs.signal; --', '1'").await,
        "1",
        "any other name is a name"
    );
}

#[tokio::test]
async fn a_sleep_counts_from_the_first_run_that_got_there() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    let sleep = |run: &Run, seconds: f64| {
        run.call("sleep", &format!("'nap', {seconds}")).replace("select *", "select sleep")
    };
    assert_eq!(db.one::<f64>(&sleep(&run, 100.0)).await, 100.0);
    run.settle(&db, "snooze", 100.0).await;
    assert_eq!(why(&db, &run.job).await, "sleeps");
    db.advance(Duration::from_secs(40)).await;
    db.run("update jobs.pending set scheduled_at = jobs.now()").await; // somebody runs it before its time
    let again = consume(&db).await;
    assert_eq!(db.one::<f64>(&sleep(&again, 500.0)).await, 60.0);
    again.settle(&db, "snooze", 60.0).await;
    db.advance(Duration::from_secs(60)).await;
    let last = consume(&db).await;
    assert_eq!(db.one::<f64>(&sleep(&last, 500.0)).await, 0.0);
    let counted: i32 = db.one(&format!("select retries from jobs.get('{}')", last.job)).await;
    assert_eq!(counted, 0, "a sleep does not count as a failed run");
}

#[tokio::test]
async fn a_job_waits_without_a_slot_and_goes_on_with_the_payload() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    assert_eq!(run.ask(&db, "go", 3600.0).await, "waiting");
    run.settle(&db, "snooze", 3600.0).await;
    let reason: String = db
        .one(&format!(
            "select code || ' ' || message || ' ' || (until is not null) from jobs.explain('{}')",
            run.job
        ))
        .await;
    assert!(
        reason.starts_with("waits_for_signal it waits for the signal 'go' until ")
            && reason.ends_with("true"),
        "{reason}"
    );
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 0);
    assert!(db.one::<bool>("select jobs.signal('go', '{\"by\": \"ada\"}')").await);
    assert!(!db.one::<bool>("select jobs.signal('go', '2')").await, "the first one holds");
    let again = consume(&db).await;
    assert_eq!(again.ask(&db, "go", 3600.0).await, "sent {\"by\": \"ada\"}");
    let state: String = db.one(&format!("select state from jobs.steps('{}')", again.job)).await;
    assert_eq!(state, "done");
    assert_eq!(db.one::<i64>("select count(*) from jobs.signal_waiter").await, 0);
}

#[tokio::test]
async fn a_signal_that_was_sent_before_is_there_at_once() {
    let db = Db::new().await;
    db.run("select jobs.signal('go')").await;
    let run = Run::of(&db).await;
    assert_eq!(run.ask(&db, "go", 1.0).await, "sent null");
    // The answer is recorded: it stays when the signal is gone.
    db.run("delete from jobs.signal").await;
    run.settle(&db, "retry", 0.0).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 1.0).await, "sent null");
}

#[tokio::test]
async fn whoever_waited_in_vain_gets_no_signal_later() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 60.0).await;
    run.settle(&db, "snooze", 60.0).await;
    db.advance(Duration::from_secs(60)).await;
    let again = consume(&db).await;
    assert_eq!(again.ask(&db, "go", 60.0).await, "timed_out");
    assert_eq!(left(&db).await, "1 0 0 0", "nobody waits for it any more");
    db.run("select jobs.signal('go', '1')").await;
    again.settle(&db, "retry", 0.0).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 60.0).await, "timed_out");
}

#[tokio::test]
async fn all_who_wait_for_a_signal_are_woken_and_nobody_else() {
    let db = Db::with_clock().await;
    for nth in 0..20 {
        let run = Run::of(&db).await;
        run.ask(&db, if nth < 15 { "go" } else { "other" }, 60.0).await;
        run.settle(&db, "snooze", 60.0).await;
    }
    let backs_off = Run::of(&db).await;
    backs_off.ask(&db, "go", 60.0).await;
    backs_off.settle(&db, "retry", 60.0).await; // its run failed otherwise: it waits for its backoff
    db.run("select jobs.signal('go')").await;
    let ready = "select count(*) from jobs.pending where ready_seq is not null";
    assert_eq!(db.one::<i64>(ready).await, 15);
    assert_eq!(why(&db, &backs_off.job).await, "backoff");
    db.run("select jobs.maintain()").await;
    assert_eq!(db.one::<i64>(ready).await, 15);
}

#[tokio::test]
async fn a_wait_of_an_earlier_run_wakes_nobody() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 60.0).await;
    run.settle(&db, "snooze", 60.0).await;
    db.advance(Duration::from_secs(60)).await;
    consume(&db).await.settle(&db, "retry", 60.0).await; // it has asked for nothing
    db.run("select jobs.signal('go')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending where ready_seq is not null").await, 0);
    assert_eq!(why(&db, &run.job).await, "backoff");
}

#[tokio::test]
async fn a_run_that_was_lost_between_its_question_and_its_end_asks_again() {
    let db = Db::with_clock().await;
    let run = Run::of(&db).await;
    run.ask(&db, "go", 3600.0).await;
    db.run("select jobs.signal('go', '7')").await;
    db.advance(Duration::from_secs(120)).await; // its lease is over
    db.run("select jobs.sweep()").await;
    db.advance(Duration::from_secs(60)).await;
    assert_eq!(consume(&db).await.ask(&db, "go", 3600.0).await, "sent 7");
}

#[tokio::test]
async fn a_step_waits_for_nobody_who_ends_its_run_for_long() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    let mut session = db.connect().await;
    execute(&mut session, "begin").await;
    execute(&mut session, &format!("select jobs.ack('{}', '1', '{}')", run.job, run.lease)).await;
    let (code, message) = db.refusal(&run.call("save_step", "'a', '1'")).await;
    assert_eq!((code.as_str(), message.as_str()), ("PT409", "job_is_locked"));
    execute(&mut session, "rollback").await;
    assert_eq!(run.save(&db, "'a', '1'").await, "1");
}

#[tokio::test]
async fn steps_of_jobs_in_one_batch_are_kept_apart() {
    let db = Db::new().await;
    for _ in 0..3 {
        publish(&db).await;
    }
    let worker = db.worker(&["a"]).await;
    let claimed = worker.claim(3).await;
    assert_eq!(claimed.batches.len(), 1);
    let run = |nth: usize| Run { job: claimed.jobs[nth].job_id.clone(), lease: claimed.lease.to_string() };
    run(1).save(&db, "'a', '1'").await;
    for nth in [0, 1, 2] {
        run(nth).settle(&db, "retry", 0.0).await;
    }
    let with_steps: Vec<String> = db.all("select job_id::text from jobs.pending where (on_end).steps").await;
    assert_eq!(with_steps, [run(1).job]);
}
