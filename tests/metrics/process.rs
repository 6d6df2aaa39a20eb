//! What a worker counts and measures.

use pgjobs_tests::{Db, until};

use crate::serving::Serving;

async fn ended(db: &Db, jobs: i64) {
    until("all ended", async || db.one::<i64>("select count(*) from jobs.job").await == jobs).await;
}

#[tokio::test]
async fn what_has_not_happened_yet_is_shown_as_zero() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    for series in [
        r#"pgjobs_settled_total{task="app.add",outcome="failed"}"#,
        r#"pgjobs_claimed_total{task="app.add"}"#,
        r#"pgjobs_rejected_total{task="app.add"}"#,
        r#"pgjobs_slo_missed_total{task="app.add"}"#,
        r#"pgjobs_commands_total{kind="ping",outcome="applied"}"#,
        "pgjobs_leases_lost_total",
        "pgjobs_outages_total",
        r#"pgjobs_job_wait_seconds_count{task="app.add"}"#,
    ] {
        assert_eq!(worker.value(series).await, Some(0.0), "{series}");
    }
    let text = worker.get("/metrics").await.1;
    assert!(!text.contains("app.slow"), "a task that this worker does not have: {text}");
    assert!(text.contains("# HELP pgjobs_settled_total runs whose outcome the database accepted"), "{text}");
}

#[tokio::test]
async fn runs_are_counted_by_task_and_outcome_and_measured() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &[]).await;
    db.run(
        r#"select jobs.publish('app.add', '{"args": [1, 2]}') from generate_series(1, 3);
           select jobs.publish('app.flaky', i_max_retries => 5);
           select jobs.publish('app.broken');
           select jobs.publish('app.late', '{"args": [150]}')"#,
    )
    .await;
    ended(&db, 6).await;
    let settled =
        |task: &str, outcome: &str| format!(r#"pgjobs_settled_total{{task="{task}",outcome="{outcome}"}}"#);
    worker.shows(&settled("app.add", "success"), 3.0).await;
    worker.shows(&settled("app.flaky", "retry"), 2.0).await;
    worker.shows(&settled("app.flaky", "success"), 1.0).await;
    worker.shows(&settled("app.broken", "failed"), 1.0).await;
    worker.shows(&settled("app.late", "success"), 1.0).await;
    let text = worker.get("/metrics").await.1;
    let value =
        |series: &str| crate::serving::value(&text, series).unwrap_or_else(|| panic!("{series}: {text}"));
    assert_eq!(value(r#"pgjobs_claimed_total{task="app.flaky"}"#), 3.0);
    assert_eq!(value(r#"pgjobs_job_wait_seconds_count{task="app.flaky"}"#), 3.0, "of each run");
    assert_eq!(value(r#"pgjobs_job_end_to_end_seconds_count{task="app.flaky"}"#), 1.0, "of each job");
    assert_eq!(value(r#"pgjobs_slo_missed_total{task="app.late"}"#), 1.0, "150 ms of 100 ms");
    assert_eq!(value(r#"pgjobs_slo_missed_total{task="app.add"}"#), 0.0);
    let (run, all) = (
        value(r#"pgjobs_job_run_seconds_sum{task="app.late"}"#),
        value(r#"pgjobs_job_end_to_end_seconds_sum{task="app.late"}"#),
    );
    assert!(run >= 0.15 && all >= run, "{run} {all}");
    assert!(value("pgjobs_settle_seconds_count") >= 1.0 && value("pgjobs_claim_jobs_sum") == 8.0, "{text}");
}

#[tokio::test]
async fn a_job_that_was_scheduled_waits_from_when_it_is_due() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('app.add', '{"args": [1, 2]}', i_scheduled_at => now() + interval '1 h');
           update jobs.pending set created_at = created_at - interval '1 d', scheduled_at = now()"#,
    )
    .await;
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    worker.shows(r#"pgjobs_job_end_to_end_seconds_count{task="app.add"}"#, 1.0).await;
    let waited = worker.value(r#"pgjobs_job_wait_seconds_sum{task="app.add"}"#).await.unwrap();
    assert!(waited < 3600.0, "it was published a day before: {waited}");
}

#[tokio::test]
async fn slots_in_use_and_commands_are_shown() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.hold", "--concurrency", "3"]).await;
    worker.shows("pgjobs_worker_slots", 3.0).await;
    db.run(r#"select jobs.publish('app.hold', '{"args": ["/dev/null", 600000]}')"#).await;
    worker.shows("pgjobs_worker_slots_used", 1.0).await;
    db.run(r#"select jobs.control('slots', i_topic => '*', i_details => '{"slots": 5}')"#).await;
    worker.shows(r#"pgjobs_commands_total{kind="slots",outcome="applied"}"#, 1.0).await;
    worker.shows("pgjobs_worker_slots", 5.0).await;
}

#[tokio::test]
async fn an_outcome_that_comes_too_late_is_counted_as_rejected() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.slow"]).await;
    db.run(r#"select jobs.publish('app.slow', '{"args": [0.5]}')"#).await;
    until("it runs", async || {
        // Whoever has the run now, it is not this worker.
        db.one::<i64>("with taken as (update jobs.batch set lease = gen_random_uuid() returning 1) select count(*) from taken").await == 1
    })
    .await;
    worker.shows(r#"pgjobs_rejected_total{task="app.slow"}"#, 1.0).await;
    assert_eq!(worker.value(r#"pgjobs_settled_total{task="app.slow",outcome="success"}"#).await, Some(0.0));
}

#[tokio::test]
async fn a_lease_that_was_lost_is_counted_with_the_runs_that_it_stopped() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.slow", "--lease", "3s"]).await;
    db.run(r#"select jobs.publish('app.slow', '{"args": [600]}')"#).await;
    worker.shows("pgjobs_worker_slots_used", 1.0).await;
    db.run("update jobs.worker set expires_at = now() - interval '1 second'; create table swept as select jobs.sweep()").await;
    worker.shows("pgjobs_leases_lost_total", 1.0).await;
    worker.shows("pgjobs_runs_lost_total", 1.0).await;
}
