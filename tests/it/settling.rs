//! How runs end, in raw SQL: ack, nack, settle, and the leases that they need.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{Connection, Row};

#[tokio::test]
async fn ack_keeps_the_result() {
    let db = Db::new().await;
    db.publish("a", 1).timeout(0.4).await;
    let status: String = db.one("select (jobs.ack(job_id, '42')).status::text from jobs.consume(1)").await;
    assert_eq!(status, "success");
    let row = sqlx::query("select status, result, timeout::float8 from jobs.all").fetch_one(&db.pool);
    let row = row.await.unwrap();
    assert_eq!((row.get::<String, _>(0), row.get::<serde_json::Value, _>(1)), ("success".into(), 42.into()));
    assert!((row.get::<f64, _>(2) - 0.4).abs() < 1e-9, "fractions of a second survive into history");
}

#[tokio::test]
async fn ack_and_nack_are_refused_on_a_job_that_is_not_running() {
    let db = Db::new().await;
    db.publish("a", 1).await;
    assert_eq!(db.refusal("select jobs.ack((select job_id from jobs.all))").await.0, "P0001", "pending");
    db.run("select jobs.ack(job_id) from jobs.consume(1)").await;
    assert_eq!(db.refusal("select jobs.ack((select job_id from jobs.all))").await.0, "P0001", "ended");
    assert_eq!(db.refusal("select jobs.nack('nobody')").await.0, "P0001", "unknown");
}

#[tokio::test]
async fn an_ack_is_repeatable_under_its_lease_and_refused_under_another() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); create table c as select * from jobs.consume(1)").await;
    let (state, message) = db.refusal("select jobs.ack(job_id, i_lease => gen_random_uuid()) from c").await;
    assert_eq!((state.as_str(), message.as_str()), ("PT409", "lease_lost"));
    for _ in 0..2 {
        let result: serde_json::Value = db.one("select (jobs.ack(job_id, '7', lease)).result from c").await;
        assert_eq!(result, 7);
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job").await, 1);
    assert_eq!(db.refusal("select jobs.nack(job_id, 'x', i_lease => lease) from c").await.0, "PT409");
}

#[tokio::test]
async fn nack_retries_with_backoff_and_keeps_the_error() {
    let db = Db::with_clock().await;
    db.publish("a", 1).await;
    for (run, (least, most)) in [(1, (1.5, 4.5)), (2, (3.0, 9.0))] {
        db.run("select jobs.nack(job_id, 'boom ' || attempt) from jobs.consume(1)").await;
        let wait: f64 =
            db.one("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.job_queue").await;
        assert!((least..=most).contains(&wait), "run {run}: {wait}");
        assert_eq!(db.one::<String>("select traceback from jobs.all").await, format!("boom {run}"));
        assert!(db.consume(1).await.is_empty(), "backing off");
        db.advance(Duration::from_secs(10)).await;
    }
}

#[tokio::test]
async fn nack_fails_a_job_after_its_last_run() {
    let db = Db::with_clock().await;
    db.publish("a", 1).await;
    for run in 1..=3 {
        db.run(&format!("select jobs.nack(job_id, 'boom {run}') from jobs.consume(1)")).await;
        db.advance(Duration::from_secs(10)).await;
    }
    let row = sqlx::query("select status, traceback, attempt, retries from jobs.all").fetch_one(&db.pool);
    let row = row.await.unwrap();
    assert_eq!((row.get::<String, _>(0), row.get::<String, _>(1)), ("failed".into(), "boom 3".into()));
    let runs = (row.get::<i32, _>(2), row.get::<i32, _>(3));
    assert_eq!(runs, (3, 2), "three runs in all, two of them charged before the last");
}

#[tokio::test]
async fn nack_can_choose_the_time_of_the_next_run() {
    let db = Db::with_clock().await;
    db.publish("a", 1).await;
    db.run("select jobs.nack(job_id, 'x', jobs.now() + interval '1 minute') from jobs.consume(1)").await;
    let wait: f64 =
        db.one("select extract(epoch from scheduled_at - jobs.now())::float8 from jobs.job_queue").await;
    assert!((wait - 60.0).abs() < 1e-6, "{wait}");
}

#[tokio::test]
async fn nack_fails_a_pending_job_when_it_is_asked_to() {
    let db = Db::new().await;
    db.publish("a", 1).max_retries(1).await;
    assert_eq!(db.refusal("select jobs.nack(job_id) from jobs.all").await.0, "P0001");
    db.run("select jobs.nack(job_id, 'given up', ensure_running => false) from jobs.all").await;
    assert_eq!(db.count("failed").await, 1);
}

/// Has a plain client run a job of each of these tasks, and a table `c` of the runs. One of task `lost` is cancelled.
async fn running(db: &Db, tasks: &[&str]) {
    for task in tasks {
        db.publish(task, 1).max_retries(2).await;
    }
    db.run("create table c as select * from jobs.consume(10)").await;
    db.run("select jobs.cancel(array(select job_id::text from c where task = 'lost'))").await;
}

/// Settles the runs of table `c`, each with the name of its task as outcome, and returns what is said of some.
async fn settle_each(db: &Db) -> Vec<String> {
    let mut rejected: Vec<String> = db
        .all(
            "select (select task::text from c where c.job_id = s.job_id) || ' ' || s.reason from
               (select array_agg(job_id::text order by job_id desc) as ids, array_agg(lease order by job_id desc) as leases,
                  array_agg(replace(task, 'lost', 'success') order by job_id desc) as outcomes,
                  array_agg(case when task = 'success' then '1'::jsonb end order by job_id desc) as results,
                  array_agg('why'::text) as errors, array_agg(5.0::float8) as delays from c) g,
               jobs.settle(i_job_ids => ids, i_leases => leases, i_outcomes => outcomes, i_results => results, i_errors => errors,
                 i_delays => delays) s",
        )
        .await;
    rejected.sort();
    rejected
}

const OUTCOMES: [&str; 6] = ["success", "fail", "retry", "snooze", "release", "verify"];

#[tokio::test]
async fn settle_ends_each_run_with_its_own_outcome() {
    let db = Db::with_clock().await;
    running(&db, &OUTCOMES).await;
    assert_eq!(settle_each(&db).await, ["verify undone"]);
    let states = "select task || ' ' || status || ' ' || retries || ' ' ||
        coalesce(extract(epoch from scheduled_at - jobs.now())::int::text, '-') from jobs.\"all\" order by 1";
    assert_eq!(
        db.all::<String>(states).await,
        [
            "fail failed 0 -",
            "release pending 0 -",
            "retry pending 1 5",
            "snooze pending 0 5",
            "success success 0 -",
            "verify pending 1 5"
        ]
    );
}

#[tokio::test]
async fn settle_names_the_runs_that_are_lost() {
    let db = Db::with_clock().await;
    running(&db, &[&OUTCOMES[..], &["lost"]].concat()).await;
    assert_eq!(settle_each(&db).await, ["lost lost", "verify undone"]);
    assert_eq!(db.count("cancelled").await, 1);
}

#[tokio::test]
async fn an_outcome_that_ended_its_job_may_be_sent_again() {
    let db = Db::with_clock().await;
    running(&db, &OUTCOMES).await;
    settle_each(&db).await;
    assert_eq!(
        settle_each(&db).await,
        ["release lost", "retry lost", "snooze lost", "verify lost"],
        "a pending job has no such run"
    );
}

/// A task ended its jobs in its own transaction; whatever it says of the run afterwards, they are successes.
#[tokio::test]
async fn settle_says_which_runs_their_task_had_finished() {
    let db = Db::new().await;
    running(&db, &OUTCOMES).await;
    db.run("select jobs.ack(job_id, null, lease) from c").await;
    assert_eq!(
        settle_each(&db).await,
        ["fail finished", "release finished", "retry finished", "snooze finished"]
    );
    assert_eq!(db.count("success").await, 6);
}

#[tokio::test]
async fn heartbeat_prolongs_up_to_the_timeout_and_needs_the_lease() {
    let db = Db::with_clock().await;
    db.publish("a", 1).timeout(60.0).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    db.advance(Duration::from_secs(50)).await;
    let left: f64 = db
        .one("select extract(epoch from jobs.heartbeat(job_id, lease, 30) - jobs.now())::float8 from c")
        .await;
    assert!((left - 10.0).abs() < 1e-6, "{left}");
    assert_eq!(db.refusal("select jobs.heartbeat(job_id, gen_random_uuid()) from c").await.0, "PT409");
    db.advance(Duration::from_secs(11)).await;
    assert_eq!(db.refusal("select jobs.heartbeat(job_id, lease) from c").await.0, "PT409");
}

#[tokio::test]
async fn a_heartbeat_never_shortens_a_lease() {
    let db = Db::with_clock().await;
    db.publish("a", 1).timeout(600.0).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    let left: f64 = db
        .one("select extract(epoch from jobs.heartbeat(job_id, lease, 30) - jobs.now())::float8 from c")
        .await;
    assert!((left - 600.0).abs() < 1e-6, "{left}");
}

#[tokio::test]
async fn an_unconfirmed_claim_is_released_uncharged() {
    let db = Db::new().await;
    let (worker, another) = (db.worker(&["a"]).await, db.worker(&["a"]).await);
    db.publish_many("a", 1..=5).await;
    let lease = worker.claim(3).await.lease;
    assert_eq!(another.release(lease).await, 0, "not its lease");
    assert_eq!(worker.release(lease).await, 3);
    assert_eq!(worker.release(lease).await, 0);
    let uncharged = "select count(*) from jobs.job_queue where run_at is null and retries = 0";
    assert_eq!(db.one::<i64>(uncharged).await, 5);
}

#[tokio::test]
async fn held_by_lists_the_runs_of_one_worker() {
    let db = Db::new().await;
    let worker = db.worker(&["a"]).await;
    db.publish_many("a", 1..=70).await;
    let claimed = worker.claim(69).await;
    db.run("select jobs.consume(1)").await;
    let held = format!(
        "select array_agg(h.batch_index order by h.batch_index) from jobs.held_by('{}') h join jobs.running r using (job_id)
         where h.lease = '{}'",
        worker.id, claimed.lease
    );
    let of_two_batches: Vec<i32> = (0..69).collect();
    assert_eq!(db.one::<Vec<i32>>(&held).await, of_two_batches, "and nobody else's");
    let others = claimed.jobs.iter().filter(|run| run.batch_index != Some(66));
    assert!(db.settle("success", others).await.is_empty());
    assert_eq!(db.one::<Vec<i32>>(&held).await, [66]);
}

#[tokio::test]
async fn a_run_whose_batch_is_locked_is_busy_and_the_others_are_settled() {
    let db = Db::new().await;
    db.publish_many("a", 1..=3).await;
    let consumed = db.consume(3).await;
    let mut other = db.connect().await;
    let mut locking = other.begin().await.unwrap();
    let lock = "select 1 from jobs.batch where first_job = $1 for update";
    sqlx::query(lock).bind(&consumed[0].job_id).execute(&mut *locking).await.unwrap();
    assert_eq!(db.settle("success", &consumed).await, ["busy"]);
    assert_eq!(db.count("success").await, 2);
    locking.rollback().await.unwrap();
    assert!(db.settle("success", &consumed).await.is_empty());
    assert_eq!(db.count("success").await, 3);
}

#[tokio::test]
async fn one_result_may_be_given_for_all_runs() {
    let db = Db::new().await;
    db.publish_many("a", 1..=5).await;
    db.run("create table c as select * from jobs.consume(5)").await;
    db.run("select jobs.settle((select array_agg(job_id::text) from c), (select array_agg(lease) from c), i_results => '{7}')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where result = '7'").await, 5);
}

#[tokio::test]
async fn nack_under_another_lease_changes_nothing() {
    let db = Db::new().await;
    db.publish("a", 1).await;
    db.run("create table c as select * from jobs.consume(1)").await;
    let stale = "select jobs.nack(job_id, 'late', i_lease => gen_random_uuid()) from c";
    assert_eq!(db.refusal(stale).await.0, "PT409");
    assert_eq!(db.one::<i64>("select count(*) from jobs.running where retries = 0").await, 1);
}

#[tokio::test]
async fn arrays_shorter_or_longer_than_their_jobs_are_refused() {
    let db = Db::new().await;
    db.publish_many("a", 1..=3).await;
    db.run("create table c as select array_agg(job_id::text) as ids, array_agg(lease) as leases from jobs.consume(3)").await;
    for arrays in [
        "i_outcomes => '{fail}'",
        "i_outcomes => '{fail,fail,fail}', i_errors => '{boom}'",
        "i_delays => '{1,2}'",
        "i_batch_indexes => '{0,1}'",
        "i_batch_indexes => '{0,1,2,3}'",
    ] {
        let settle = format!("select jobs.settle(ids, leases, {arrays}) from c");
        assert_eq!(db.refusal(&settle).await.0, "PT400", "{settle}");
    }
    assert_eq!(db.refusal("select jobs.settle('{a,b}', leases[1:1]) from c").await.0, "PT400");
    assert_eq!(db.count("running").await, 3, "none was settled");
}
