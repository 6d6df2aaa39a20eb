//! What each command does.

use std::time::Duration;

use pgjobs::control::Command;
use pgjobs::{JobState, Worker, inspect};
use pgjobs_tests::{Db, until};

use crate::tasks::{Stage, deaf, short};
use crate::tell;

fn worker(db: &Db, stage: &Stage) -> Worker {
    Worker::new(db.pool.clone()).topic("control.*").state(stage.clone()).poll(Duration::from_millis(100))
}

fn applied(answer: &str) -> (String, String) {
    ("applied".to_owned(), answer.to_owned())
}

#[tokio::test]
async fn a_ping_is_answered() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    assert_eq!(tell(&db, Command::Ping).await, applied("here, with 0 jobs running"));
    running.shutdown().await;
}

#[tokio::test]
async fn a_paused_worker_starts_nothing_until_it_is_resumed() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    let job = deaf::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    assert_eq!(tell(&db, Command::Pause).await, applied("paused: 1 job running, 0 released"));
    let waiting = short::publish(&db.pool, 1).await.unwrap();
    let paused_at = || async { inspect::workers(&db.pool).await.unwrap()[0].paused_at };
    until("it is shown", async || paused_at().await.is_some()).await;
    let reasons = waiting.explain(&db.pool).await.unwrap();
    assert!(reasons.iter().any(|reason| reason.code == "workers_paused"), "{reasons:?}");
    stage.exit.add_permits(1);
    job.wait(&db.pool).await.unwrap(); // what runs goes on, and leaves a free slot
    assert_eq!(tell(&db, Command::Ping).await, applied("here, with 0 jobs running"));
    assert_eq!(waiting.fetch(&db.pool).await.unwrap().state, JobState::Pending);
    assert_eq!(tell(&db, Command::Resume).await, applied("resumed"));
    assert_eq!(waiting.wait(&db.pool).await.unwrap(), 1);
    until("it is shown", async || paused_at().await.is_none()).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_pause_releases_what_was_claimed_ahead() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).concurrency(1).start().await.unwrap();
    // Fast ones, so that it claims ahead; then slow ones.
    pgjobs::publish_all(&db.pool, (0..2000).map(short::new)).await.unwrap();
    pgjobs::publish_all(&db.pool, (0..500).map(|_| deaf::new())).await.unwrap();
    stage.begun(1).await;
    tell(&db, Command::Pause).await;
    let held = "select coalesce(sum(held), 0)::bigint from jobs.workers()";
    until("it holds what it runs", async || db.one::<i64>(held).await == 1).await;
    let charged = "select count(*) from jobs.job_queue where run_at is null and retries > 0";
    assert_eq!(db.one::<i64>(charged).await, 0);
    stage.exit.add_permits(1000);
    running.shutdown().await;
}

#[tokio::test]
async fn slots_change_while_the_worker_works() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).concurrency(2).start().await.unwrap();
    pgjobs::publish_all(&db.pool, (0..10).map(|_| deaf::new())).await.unwrap();
    stage.begun(2).await;
    assert_eq!(tell(&db, Command::Slots(6)).await, applied("slots from 2 to 6"));
    stage.begun(6).await;
    assert_eq!(tell(&db, Command::Slots(1)).await, applied("slots from 6 to 1"));
    until("it is shown", async || inspect::workers(&db.pool).await.unwrap()[0].slots == 1).await;
    stage.exit.add_permits(5);
    until("five have ended", async || db.one::<i64>("select jobs.count('success')").await == 5).await;
    assert_eq!(
        tell(&db, Command::Ping).await,
        applied("here, with 1 job running"),
        "one goes on and none begins"
    );
    stage.exit.add_permits(5);
    stage.begun(10).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_drained_worker_ends_when_its_last_run_has_ended() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    // Longer than its grace.
    let running = worker(&db, &stage).grace(Duration::ZERO).start().await.unwrap();
    let job = deaf::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    assert_eq!(tell(&db, Command::Drain).await, applied("ends when its last run has ended: 1 job running"));
    let waiting = short::publish(&db.pool, 1).await.unwrap();
    assert_eq!(tell(&db, Command::Ping).await, applied("here, with 1 job running"));
    stage.exit.add_permits(1);
    let report = running.wait().await;
    assert_eq!((report.succeeded, report.released), (1, 0));
    assert_eq!(job.fetch(&db.pool).await.unwrap().state, JobState::Success);
    assert_eq!(waiting.fetch(&db.pool).await.unwrap().state, JobState::Pending);
    assert!(inspect::workers(&db.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_drained_worker_that_runs_nothing_ends_at_once() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    assert_eq!(tell(&db, Command::Drain).await, applied("ends when its last run has ended: 0 jobs running"));
    running.wait().await;
}

#[tokio::test]
async fn a_stopped_worker_hands_back_what_it_runs_at_once() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).grace(Duration::from_secs(3600)).start().await.unwrap();
    let job = deaf::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    assert_eq!(tell(&db, Command::Stop).await, applied("ends now and releases what it runs: 1 job running"));
    let report = running.wait().await;
    assert_eq!((report.released, report.failed), (1, 0));
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!((row.state, row.retries), (JobState::Pending, 0), "not charged");
}

#[tokio::test]
async fn a_program_that_cannot_change_its_log_says_so() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    let (state, answer) = tell(&db, Command::Log("debug".to_owned())).await;
    assert_eq!(state, "refused");
    assert!(answer.contains("pgjobs::control::on_log"), "{answer}");
    running.shutdown().await;
}

#[tokio::test]
async fn a_pause_outlasts_the_loss_of_the_lease() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).lease(Duration::from_secs(3)).start().await.unwrap();
    tell(&db, Command::Pause).await;
    db.run("update jobs.worker set expires_at = now() - interval '1 second'; select jobs.sweep()").await;
    until("it is there again, and paused", async || {
        let workers = inspect::workers(&db.pool).await.unwrap();
        workers.len() == 1 && workers[0].alive && workers[0].paused_at.is_some()
    })
    .await;
    let waiting = short::publish(&db.pool, 1).await.unwrap();
    assert_eq!(tell(&db, Command::Ping).await, applied("here, with 0 jobs running"));
    assert_eq!(waiting.fetch(&db.pool).await.unwrap().state, JobState::Pending);
    running.shutdown().await;
}
