//! Operations take what matched at their start, once, at their pace; they can be stopped, and go on.

use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::Executor;

use crate::{failed, finish, numbers, start};

#[tokio::test]
async fn a_retry_takes_all_days_of_history_and_nothing_else() {
    let db = Db::new().await;
    failed(&db, 2500, 5).await;
    db.run("select jobs.publish('other', i_max_retries => 1); select jobs.nack(job_id, 'x') from jobs.consume(1)").await;
    let id = start(&db, "'retry', 'mail.*'").await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 2500, 0));
    assert_eq!((db.count("pending").await, db.count("failed").await), (2500, 1));
    let kept = "select count(*) from jobs.pending where attempt = 3 and priority = 4 and timeout = 90 and meta->'tags' = '[\"vip\"]'";
    assert_eq!(db.one::<i64>(kept).await, 2500);
}

#[tokio::test]
async fn a_selection_is_by_error_and_time() {
    let db = Db::new().await;
    failed(&db, 100, 4).await;
    let since =
        "i_since => now() - interval '2 days', i_until => now() - interval '12 hours', i_error => 'timed*1'";
    let preview = format!("select jobs from jobs.preview_operation('redrive', '*', {since})");
    // Those of a day ago whose numbers hold a 1: 1, 13, 17, 21, 41, 61, 81.
    assert_eq!(db.one::<i64>(&preview).await, 7);
    let id = start(&db, &format!("'redrive', '*', {since}")).await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 7, 0));
    assert_eq!(db.one::<i64>(&preview).await, 0, "none is taken twice");
    let examples = "select jsonb_array_length(examples) from jobs.preview_operation('retry', 'mail.*')";
    assert_eq!(db.one::<i32>(examples).await, 5);
}

#[tokio::test]
async fn jobs_that_fail_after_the_start_are_left_alone() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('a', i_max_retries => 1) from generate_series(1, 3); select jobs.nack(job_id, 'x') from jobs.consume(3)").await;
    db.advance(Duration::from_secs(1)).await;
    let id = start(&db, "'retry', 'a'").await;
    db.advance(Duration::from_secs(1)).await;
    db.run(
        "select jobs.publish('a', i_max_retries => 1); select jobs.nack(job_id, 'x') from jobs.consume(1)",
    )
    .await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 3, 0));
    assert_eq!(db.count("failed").await, 1);
}

#[tokio::test]
async fn a_rate_gives_its_jobs_and_keeps_two_seconds_of_them() {
    let db = Db::with_clock().await;
    failed(&db, 100, 2).await;
    db.advance(Duration::from_secs(10)).await;
    let id = start(&db, "'retry', '*', i_rate => 5").await;
    let step = format!("select done from jobs.step_operation({id}, 10)");
    assert_eq!(db.one::<i64>(&step).await, 0, "no time has passed");
    for (seconds, done) in [(1, 5), (1, 10), (60, 20), (2, 30)] {
        db.advance(Duration::from_secs(seconds)).await;
        assert_eq!(db.one::<i64>(&step).await, done);
    }
    db.run(&format!("select jobs.pause_operation({id})")).await;
    db.advance(Duration::from_secs(60)).await;
    db.run(&format!("select jobs.resume_operation({id})")).await;
    assert_eq!(db.one::<i64>(&step).await, 30, "a pause gives none");
}

#[tokio::test]
async fn a_rate_below_one_gives_a_job_now_and_then() {
    let db = Db::with_clock().await;
    failed(&db, 10, 1).await;
    db.advance(Duration::from_secs(5)).await;
    let id = start(&db, "'redrive', '*', i_rate => 0.1").await;
    let step = format!("select done from jobs.step_operation({id}, 10)");
    for done in [0, 0, 0, 1, 1, 1, 2] {
        assert_eq!(db.one::<i64>(&step).await, done);
        db.advance(Duration::from_secs(4)).await;
    }
}

#[tokio::test]
async fn a_pause_stops_it_and_a_cancel_ends_it() {
    let db = Db::new().await;
    failed(&db, 2000, 2).await;
    let id = start(&db, "'retry', '*'").await;
    let step = format!("select done from jobs.step_operation({id}, 0)");
    assert_eq!(db.one::<i64>(&step).await, 0, "the first step looks at jobs of the future");
    assert_eq!(db.one::<i64>(&step).await, 1000, "one step");
    db.run(&format!("select jobs.pause_operation({id}, 'wait')")).await;
    assert_eq!(db.one::<i64>(&step).await, 1000);
    db.run("select jobs.maintain()").await;
    assert_eq!(numbers(&db, id).await, ("paused".to_owned(), 1000, 0));
    db.run(&format!("select jobs.resume_operation({id}); select jobs.cancel_operation({id})")).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(numbers(&db, id).await, ("cancelled".to_owned(), 1000, 0));
    for call in ["pause", "resume", "cancel"] {
        assert_eq!(db.refusal(&format!("select jobs.{call}_operation({id})")).await.0, "PT409");
        assert_eq!(db.refusal(&format!("select jobs.{call}_operation(99)")).await.0, "PT404");
    }
    assert_eq!(db.count("failed").await, 1000);
}

#[tokio::test]
async fn workers_do_the_steps_when_they_maintain() {
    let db = Db::new().await;
    failed(&db, 10, 2).await;
    let id = start(&db, "'redrive', '*'").await;
    // A call does steps for a fifth of a second.
    until("they are done", async || {
        db.run("select jobs.maintain()").await;
        numbers(&db, id).await == ("done".to_owned(), 10, 0)
    })
    .await;
}

#[tokio::test]
async fn a_cancel_takes_pending_packed_and_running_jobs() {
    let db = Db::new().await;
    db.publish_packed("a.b", 1..=200).await;
    db.publish_many("a.c", 1..=50).await;
    db.publish("other", 1).await;
    db.run("select jobs.consume('a.c', 20)").await;
    let id = start(&db, "'cancel', 'a.*'").await;
    assert_eq!(db.one::<i64>(&format!("select matched from jobs.get_operation({id})")).await, 250);
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 250, 0));
    assert_eq!((db.count("cancelled").await, db.count("pending").await), (250, 1));
}

#[tokio::test]
async fn a_cancel_leaves_locked_jobs_to_its_second_round() {
    let db = Db::new().await;
    db.publish_many("a", 1..=3).await;
    let mut other = db.connect().await;
    other.execute("begin; select 1 from jobs.pending order by job_id limit 1 for update").await.unwrap();
    let id = start(&db, "'cancel', 'a', 'pending'").await;
    assert_eq!(db.one::<i64>(&format!("select done from jobs.step_operation({id}, 0)")).await, 2);
    other.execute("rollback").await.unwrap();
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 3, 0));
}

#[tokio::test]
async fn a_purge_deletes_pending_jobs_and_their_unique_keys() {
    let db = Db::new().await;
    db.publish_packed("a.b", 1..=200).await;
    db.run(r#"select jobs.publish('a.c', i_unique => '{"key": 1}')"#).await;
    let id = start(&db, "'purge', 'a.*'").await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 201, 0));
    let left = "select (select count(*) from jobs.\"all\") + (select count(*) from jobs.unique_key)";
    assert_eq!(db.one::<i64>(left).await, 0);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let db = Db::new().await;
    for arguments in [
        "'nothing', '*'",
        "'retry', ''",
        "'retry', null",
        "null, '*'",
        "'retry', '*', 'success'",
        "'purge', '*', 'running'",
        "'retry', '*', i_error => ''",
        "'retry', '*', i_rate => 0",
        "'retry', '*', i_grace_seconds => 1",
        "'cancel', '*', i_grace_seconds => -1",
        "'cancel', '*', i_grace_seconds => 3601",
        "'cancel', '*', i_grace_seconds => 'NaN'",
        "'retry', '*', i_rate => 'NaN'",
        "'retry', '*', i_since => 'infinity'",
        "'retry', '*', i_reason => repeat('x', 1001)",
    ] {
        let (code, message) = db.refusal(&format!("select jobs.start_operation({arguments})")).await;
        assert_eq!(code, "PT400", "{arguments}: {message}");
    }
    assert_eq!(db.refusal("select jobs.step_operation(1)").await.0, "PT404");
    assert_eq!(db.refusal("select jobs.get_operation(null)").await.0, "PT404");
}

#[tokio::test]
async fn jobs_that_cannot_be_retried_are_counted_with_the_reason() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('a', i_max_retries => 1, i_unique => '{"key": 1}'); select jobs.nack(job_id, 'x') from jobs.consume(1);
           select jobs.publish('a', i_unique => '{"key": 1}')"#,
    )
    .await;
    let id = start(&db, "'retry', 'a'").await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 0, 1));
    let why =
        format!("select skips->>'key held' || ' ' || (left_out->0->>'reason') from jobs.get_operation({id})");
    let why: String = db.one(&why).await;
    assert!(why.starts_with("1 key held: job ") && why.ends_with(" holds its unique key"), "{why}");
}

/// A publisher that has taken a key and not ended would keep a step waiting, and with it a worker.
#[tokio::test]
async fn a_step_waits_for_nobody_for_long() {
    let db = Db::new().await;
    failed(&db, 20, 1).await;
    db.run(
        r#"update jobs.job set on_end = row('mail.send', '[1]', false, null, null, null, null) where body->'args'->0 = '7'"#,
    )
    .await;
    let mut other = db.connect().await;
    other.execute(r#"begin; select jobs.publish('mail.send', i_unique => '{"key": 1}')"#).await.unwrap();
    let id = start(&db, "'redrive', '*'").await;
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 19, 1));
    let why = format!("select skips->>'locked' from jobs.get_operation({id})");
    assert_eq!(db.one::<String>(&why).await, "1");
}

#[tokio::test]
async fn an_error_undoes_a_step_and_it_is_tried_again() {
    let db = Db::with_clock().await;
    failed(&db, 10, 1).await;
    db.advance(Duration::from_secs(10)).await;
    let id = start(&db, "'retry', '*'").await;
    db.run("create function refuse() returns trigger language plpgsql as $$ begin raise 'disk full'; end $$; create trigger t before insert on jobs.pending execute function refuse()").await;
    let error: String = db.one(&format!("select last_error from jobs.step_operation({id})")).await;
    assert!(error.contains("disk full"), "{error}");
    assert_eq!((numbers(&db, id).await, db.count("failed").await), (("running".to_owned(), 0, 0), 10));
    db.run("drop trigger t on jobs.pending; select jobs.maintain()").await;
    assert_eq!(numbers(&db, id).await.1, 0, "workers wait 5 s");
    db.advance(Duration::from_secs(6)).await;
    // A call does steps for a fifth of a second.
    until("they are done", async || {
        db.run("select jobs.maintain()").await;
        numbers(&db, id).await == ("done".to_owned(), 10, 0)
    })
    .await;
}

#[tokio::test]
async fn what_fails_twenty_times_in_a_row_ends_as_failed() {
    let db = Db::new().await;
    failed(&db, 10, 1).await;
    let id = start(&db, "'retry', '*'").await;
    db.run("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$; create trigger t before insert on jobs.pending execute function refuse()").await;
    // The first step looks at jobs of the future, of which there are none.
    for _ in 0..20 {
        db.run(&format!("select jobs.step_operation({id}, 0)")).await;
    }
    assert_eq!(numbers(&db, id).await, ("running".to_owned(), 0, 0));
    db.run(&format!("select jobs.step_operation({id}, 0)")).await;
    assert_eq!(numbers(&db, id).await, ("failed".to_owned(), 0, 0));
}

#[tokio::test]
async fn a_job_that_is_skipped_is_met_once_at_any_pace() {
    let db = Db::with_clock().await;
    failed(&db, 3, 1).await;
    db.run(
        r#"update jobs.job set on_end = row('mail.send', '[1]', false, null, null, null, null);
           select jobs.publish('mail.send', i_unique => '{"key": 1}')"#,
    )
    .await;
    db.advance(Duration::from_secs(5)).await;
    let id = start(&db, "'redrive', '*', i_rate => 1").await;
    for _ in 0..5 {
        db.advance(Duration::from_secs(1)).await;
        db.run(&format!("select jobs.step_operation({id}, 0)")).await;
    }
    assert_eq!(numbers(&db, id).await, ("done".to_owned(), 0, 3));
}

/// A step takes 16 MiB of bodies, and not a thousand jobs of a megabyte each: workers maintain between beats.
#[tokio::test]
async fn a_cancel_takes_large_bodies_a_few_at_a_time() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', to_jsonb(repeat('x', 1000000))) from generate_series(1, 40)").await;
    let id = start(&db, "'cancel', 'a'").await;
    let step = format!("select done from jobs.step_operation({id}, 0)");
    let done: i64 = db.one(&step).await;
    assert!((10..20).contains(&done), "{done} of a megabyte in a step");
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 40, 0));
}

#[tokio::test]
async fn a_cancel_counts_what_stays_locked_as_skipped() {
    let db = Db::new().await;
    db.publish_many("a", 1..=6).await;
    let worker = db.worker(&["a"]).await;
    worker.claim(3).await;
    for locked in ["select 1 from jobs.pending limit 1 for update", "select 1 from jobs.batch for update"] {
        let mut other = db.connect().await;
        other.execute("begin").await.unwrap();
        other.execute(locked).await.unwrap();
        let id = start(&db, "'cancel', 'a'").await;
        let (state, done, skipped) = finish(&db, id).await;
        let matched: i64 = db.one(&format!("select matched from jobs.get_operation({id})")).await;
        assert_eq!((state.as_str(), done + skipped), ("done", matched), "{locked}");
        let locked: String = db.one(&format!("select skips->>'locked' from jobs.get_operation({id})")).await;
        assert_eq!(locked, skipped.to_string());
        other.execute("rollback").await.unwrap();
        db.publish_many("a", 7..=9).await;
        worker.claim(3).await;
    }
}

/// As a vacuum that truncates, or a migration, locks a table for a moment.
#[tokio::test]
async fn a_table_that_is_locked_for_a_moment_makes_an_operation_skip_nothing() {
    let db = Db::new().await;
    failed(&db, 20, 1).await;
    let mut other = db.connect().await;
    other.execute("begin; lock table jobs.pending in share mode").await.unwrap();
    let id = start(&db, "'retry', '*'").await;
    for _ in 0..2 {
        db.run(&format!("select jobs.step_operation({id}, 10)")).await;
        assert_eq!(numbers(&db, id).await, ("running".to_owned(), 0, 0));
    }
    other.execute("rollback").await.unwrap();
    assert_eq!(finish(&db, id).await, ("done".to_owned(), 20, 0));
}

#[tokio::test]
async fn a_cancel_passes_its_grace_on_to_the_workers() {
    let db = Db::new().await;
    db.worker(&["a"]).await;
    db.run("update jobs.worker set commands = '{cancel}'").await;
    for (arguments, grace) in [("", "5"), (", i_grace_seconds => 90.5", "90.5")] {
        db.run("truncate jobs.command; select jobs.publish('a')").await;
        db.run("select jobs.claim((select id from jobs.worker), '{a}', 1, gen_random_uuid(), 5)").await;
        let id = start(&db, &format!("'cancel', 'a', 'running'{arguments}")).await;
        assert_eq!(finish(&db, id).await, ("done".to_owned(), 1, 0));
        assert_eq!(db.one::<String>("select details->>'grace' from jobs.command").await, grace);
    }
}
