//! What the end of a job leaves of its steps.

use std::time::Duration;

use pgjobs_tests::Db;

use crate::support::{Run, consume, execute, left};

/// A day goes by. The first call makes the partition of the new day, and only the next one tidies up.
async fn next_day(db: &Db) {
    db.advance(Duration::from_secs(86_400)).await;
    db.run("select jobs.maintain_partitions()").await;
    db.run("select jobs.maintain_partitions()").await;
}

/// A job that waits for a signal, with a step and a sleep behind it.
async fn waits(db: &Db) -> Run {
    let run = Run::of(db).await;
    run.save(db, "'one', '1'").await;
    db.run(&run.call("sleep", "'nap', 0")).await;
    run.ask(db, "go", 3600.0).await;
    run.settle(db, "snooze", 3600.0).await;
    assert_eq!(left(db).await, "3 0 1 1");
    run
}

#[tokio::test]
async fn a_success_takes_all_that_was_recorded() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.advance(Duration::from_secs(3600)).await;
    db.run(&format!("select jobs.ack('{}', null, '{}')", run.job, consume(&db).await.lease)).await;
    assert_eq!(left(&db).await, "0 0 0 0");
    let on_end: Option<String> = db.one("select on_end::text from jobs.job").await;
    assert_eq!(on_end, None);
}

#[tokio::test]
async fn what_a_failed_job_has_recorded_stays_for_its_retry() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.advance(Duration::from_secs(3600)).await;
    consume(&db).await.settle(&db, "fail", 0.0).await;
    assert_eq!(left(&db).await, "3 1 0 0");
    db.run(&format!("select jobs.retry(array['{}'])", run.job)).await;
    let again = consume(&db).await;
    assert_eq!(again.save(&db, "'one', '2'").await, "1", "it goes on where it was");
    again.settle(&db, "success", 0.0).await;
    assert_eq!(left(&db).await, "0 0 0 0");
}

#[tokio::test]
async fn a_cancelled_job_waits_no_more_and_resumes_when_retried() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    assert_eq!(left(&db).await, "3 1 0 0");
    db.run("select jobs.signal('go', '1')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 0);
    db.run(&format!("select jobs.retry(array['{}'])", run.job)).await;
    let again = consume(&db).await;
    assert_eq!(again.save(&db, "'one', '2'").await, "1");
    assert_eq!(again.ask(&db, "go", 1.0).await, "sent 1");
    // One that runs, too.
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    assert_eq!(left(&db).await, "3 1 0 1");
}

#[tokio::test]
async fn a_job_that_leaves_no_trace_leaves_no_steps() {
    let db = Db::with_clock().await;
    waits(&db).await;
    db.run("select jobs.purge('a')").await;
    assert_eq!(left(&db).await, "0 0 0 0");
    db.run(
        r#"select jobs.register_tasks('[{"name": "a", "args_schema": {}, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0, "keep": "none"}]')"#,
    )
    .await;
    let run = waits(&db).await;
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    assert_eq!(left(&db).await, "0 0 0 0");
    let run = Run::of(&db).await;
    run.save(&db, "'one', '1'").await;
    run.settle(&db, "fail", 0.0).await;
    assert_eq!(left(&db).await, "0 0 0 0");
}

#[tokio::test]
async fn steps_go_when_history_drops_their_job() {
    let db = Db::with_clock().await;
    let failed = waits(&db).await;
    let asleep = Run::of(&db).await;
    asleep.save(&db, "'one', '1'").await;
    db.run(&asleep.call("sleep", "'long', 8640000")).await;
    asleep.settle(&db, "snooze", 8_640_000.0).await;
    db.run(&format!("select jobs.cancel(array['{}'])", failed.job)).await;
    for _ in 0..13 {
        next_day(&db).await;
    }
    assert_eq!(left(&db).await, "5 1 0 0", "while history has it");
    for _ in 0..4 {
        next_day(&db).await;
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 0);
    assert_eq!(left(&db).await, "2 0 0 0", "those of the job that sleeps stay");
}

#[tokio::test]
async fn steps_of_a_job_that_runs_again_stay_however_old_they_are() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    db.run(&format!("select jobs.retry(array['{}'])", run.job)).await;
    for _ in 0..17 {
        next_day(&db).await;
    }
    assert_eq!(consume(&db).await.save(&db, "'one', '2'").await, "1");
}

/// While a retry is not committed, its job is still in history for others, and after that it is pending.
#[tokio::test]
async fn a_retry_beside_the_tidying_keeps_its_steps() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    let mut session = db.connect().await;
    execute(&mut session, "begin").await;
    execute(&mut session, &format!("select jobs.retry(array['{}'])", run.job)).await;
    let tidy = "select jobs._tidy_steps(jobs.now(), jobs.now() + interval '1 day', 1)";
    db.run(tidy).await;
    execute(&mut session, "commit").await;
    db.run(tidy).await;
    assert_eq!(consume(&db).await.save(&db, "'one', '2'").await, "1");
}

#[tokio::test]
async fn a_rule_that_deletes_a_job_deletes_its_steps() {
    let db = Db::with_clock().await;
    let run = waits(&db).await;
    db.run(&format!("select jobs.cancel(array['{}'])", run.job)).await;
    db.run("select jobs.keep('a', 'cancelled', 1)").await;
    for _ in 0..3 {
        next_day(&db).await;
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 0);
    assert_eq!(left(&db).await, "0 0 0 0");
}

#[tokio::test]
async fn a_signal_is_kept_for_its_days_and_longer_while_jobs_wait_for_it() {
    let db = Db::with_clock().await;
    db.run("update jobs.config set signal_days = 3").await;
    let run = Run::of(&db).await;
    run.ask(&db, "late", 8_640_000.0).await;
    run.settle(&db, "snooze", 8_640_000.0).await;
    db.run("select jobs.signal('sent')").await;
    db.run("insert into jobs.signal (name, made_at) values ('orphan', jobs.now())").await;
    for _ in 0..3 {
        next_day(&db).await;
    }
    db.advance(Duration::from_secs(60)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.signal").await, 3);
    db.run("select jobs.maintain_partitions()").await;
    assert_eq!(db.all::<String>("select name from jobs.signal").await, ["late"]);
    assert!(db.one::<bool>("select jobs.signal('sent')").await, "it may be sent anew");
    assert!(db.one::<bool>("select jobs.signal('late')").await);
    assert_eq!(consume(&db).await.ask(&db, "late", 1.0).await, "sent null");
}

#[tokio::test]
async fn a_step_in_a_transaction_that_is_undone_is_not_recorded() {
    let db = Db::new().await;
    let run = Run::of(&db).await;
    db.run(&run.call("begin_steps", "")).await;
    let mut session = db.connect().await;
    execute(&mut session, "begin").await;
    execute(&mut session, &run.call("save_step", "'one', '1'")).await;
    // Nobody can begin another run meanwhile.
    run.settle(&db, "retry", 0.0).await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.pending").await,
        0,
        "the settle was told that it is busy"
    );
    execute(&mut session, "rollback").await;
    run.settle(&db, "retry", 0.0).await;
    assert_eq!(consume(&db).await.save(&db, "'one', '2'").await, "2");
}

/// Batches of jobs of one group are not opened for their successes, unless one has steps.
#[tokio::test]
async fn a_success_of_a_group_takes_what_its_job_has_recorded() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.run("select jobs.publish_workflow(jsonb_build_array(jsonb_build_object('name', 'g', 'task', 'a', 'keep_results', true, 'each', jsonb_build_array() || (select jsonb_agg('{}'::jsonb) from generate_series(1, 64)))))").await;
    let claimed = worker.claim(64).await;
    assert!(
        db.one::<bool>("select bool_and(node is not null) from jobs.batch").await,
        "as one batch of the group"
    );
    let job = &claimed.jobs[5];
    Run { job: job.job_id.clone(), lease: job.lease.to_string() }.save(&db, "'one', '1'").await;
    db.run("select jobs.settle(array_agg(r.job_id::text), array_agg(r.lease), null, array_agg(to_jsonb((r.on_end).nth))) from jobs._runs r").await;
    assert_eq!(left(&db).await, "0 0 0 0");
    let ended = "select n.state || ' ' || (jobs.workflow_result(n.workflow)).result::text from jobs.node n";
    let expected: Vec<usize> = (0..64).collect();
    assert_eq!(db.one::<String>(ended).await, format!("success {expected:?}"));
}

/// A hundred a second for the ten minutes between two calls.
#[tokio::test]
async fn as_many_signals_go_in_a_call_as_have_been_sent_since_the_last() {
    let db = Db::new().await;
    db.run("select jobs.signal('new')").await;
    let old = "insert into jobs.signal (name, made_at, sent_at)
        select n::text, s.at, s.at from generate_series(1, 60000) n, (select jobs.now() - interval '40 days') s(at)";
    db.run(old).await;
    db.run("select jobs._tidy_steps(jobs.now(), jobs.now() - interval '9 days', 1)").await;
    assert_eq!(db.all::<String>("select name from jobs.signal").await, ["new"]);
}

/// Rows of jobs that run again do not keep those behind them from their turn.
#[tokio::test]
async fn many_retried_jobs_that_sleep_do_not_stop_the_tidying() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', i_scheduled_at => jobs.now() + interval '1 hour') from generate_series(1, 1000);
            insert into jobs.resumable (job_id, ended_at) select job_id, jobs.now() - interval '40 days' from jobs.pending;
            insert into jobs.resumable (job_id, ended_at) values ('gone', jobs.now() - interval '39 days');
            insert into jobs.checkpoint (job_id, name, kind, task, attempt, saved_at) values ('gone', 'one', 'step', 'a', 1, jobs.now());
            select nextval('jobs.steps_made')")
        .await;
    for _ in 0..2 {
        db.run("select jobs._tidy_steps(jobs.now(), jobs.now() - interval '9 days', 1)").await;
    }
    assert_eq!(left(&db).await, "0 0 0 0");
}
