//! Cancel reaches the code of a run.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgjobs::layers::{Layer, Next, RunResult};
use pgjobs::{Job, JobId, JobState, Worker, admin};
use pgjobs_tests::{Db, Lateness};

use crate::ended;
use crate::tasks::{Stage, blocking, deaf, polite, short, thread};

fn worker(db: &Db, stage: &Stage) -> Worker {
    Worker::new(db.pool.clone()).topic("control.*").state(stage.clone())
}

/// The numbers of all commands.
async fn commands(db: &Db) -> Vec<i64> {
    db.all("select id from jobs.command order by id").await
}

/// How long it takes until running code hears of a cancel: the median and the worst of several.
async fn delays(db: &Db, worker: Worker, stage: &Stage, hears: &mut Hears) -> (Duration, Duration) {
    const CANCELS: usize = 15;
    let running = worker.start().await.unwrap();
    let mut delays = Vec::new();
    for n in 1..=CANCELS {
        let job = polite::publish(&db.pool).await.unwrap();
        stage.begun(n).await;
        // Not always at the same moment between two beats.
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..150))).await;
        let asked = Instant::now();
        assert!(job.cancel(&db.pool, "a test").await.unwrap());
        delays.push(hears.recv().await.unwrap().saturating_duration_since(asked));
    }
    running.shutdown().await;
    stage.begun.store(0, SeqCst);
    delays.sort();
    (delays[CANCELS / 2], delays[CANCELS - 1])
}

type Hears = tokio::sync::mpsc::UnboundedReceiver<Instant>;

#[tokio::test]
async fn running_code_hears_of_a_cancel_in_200_ms_or_one_poll() {
    let (db, lateness, (stage, mut hears)) = (Db::new().await, Lateness::watch(), Stage::new());
    let (median, worst) = delays(&db, worker(&db, &stage), &stage, &mut hears).await;
    println!("running code hears of a cancel after {median:?}, at the most {worst:?}");
    assert!(median < lateness.allow(Duration::from_millis(200)), "{median:?}");
    assert!(worst < lateness.allow(Duration::from_millis(900)), "{worst:?}: not only by its heartbeats");
    // Its heartbeats are 5 s apart.
    let deaf = worker(&db, &stage).listen(false).poll(Duration::from_millis(300));
    let (median, worst) = delays(&db, deaf, &stage, &mut hears).await;
    println!("running code hears of a cancel after {median:?}, at the most {worst:?}");
    assert!(median < lateness.allow(Duration::from_millis(350)), "{median:?}");
    assert!(worst < lateness.allow(Duration::from_millis(600)), "{worst:?}");
    db.run("update jobs.config set notify = false").await;
    let quiet = worker(&db, &stage).poll(Duration::from_millis(300));
    let (median, worst) = delays(&db, quiet, &stage, &mut hears).await;
    println!("running code hears of a cancel after {median:?}, at the most {worst:?}");
    assert!(median < lateness.allow(Duration::from_millis(350)), "{median:?}");
    assert!(worst < lateness.allow(Duration::from_millis(600)), "{worst:?}");
}

/// Notes how each run ended for the layers around the task.
struct Noted(Arc<Mutex<Vec<bool>>>);

impl Layer for Noted {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        let result = next.run().await;
        self.0.lock().unwrap().push(result.as_ref().is_err_and(pgjobs::TaskError::is_cancelled));
        result
    }
}

#[tokio::test]
async fn code_that_ignores_a_cancel_is_cut_off_after_its_grace() {
    let (db, lateness, (stage, _hears)) = (Db::new().await, Lateness::watch(), Stage::new());
    let (seen, failures) = (Arc::default(), Arc::<Mutex<usize>>::default());
    let counts = failures.clone();
    let worker = worker(&db, &stage).concurrency(1).layer(Noted(Arc::clone(&seen)));
    let running = worker.on_failure(move |_, _| *counts.lock().unwrap() += 1).start().await.unwrap();
    let job = deaf::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    let next = short::publish(&db.pool, 7).await.unwrap(); // waits for the only slot
    let asked = Instant::now();
    admin::cancel(&db.pool, &[job.id().clone()]).grace(Duration::from_millis(700)).await.unwrap();
    assert_eq!(job.fetch(&db.pool).await.unwrap().state, JobState::Cancelled, "in the database at once");
    assert_eq!(next.wait(&db.pool).await.unwrap(), 7);
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(700), "it had its grace: {took:?}");
    assert!(took < lateness.allow(Duration::from_secs(3)), "{took:?}");
    assert_eq!(*seen.lock().unwrap(), [true, false], "the layers see that it was cut off");
    assert_eq!(*failures.lock().unwrap(), 0, "which is no failure");
    let receipt = ended(&db, &commands(&db).await).await.remove(0);
    assert_eq!((receipt.state.as_str(), receipt.answer.as_deref()), ("applied", Some("1 cut off")));
    let report = running.shutdown().await;
    assert_eq!((report.lost, report.failed, report.succeeded), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_code_that_blocks_its_thread_the_receipt_says_that_it_runs_on() {
    let (db, (stage, mut hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    let jobs =
        [blocking::publish(&db.pool, 4000).await.unwrap(), blocking::publish(&db.pool, 0).await.unwrap()];
    stage.begun(2).await;
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id().clone()).collect();
    admin::cancel(&db.pool, &ids).grace(Duration::from_millis(500)).await.unwrap();
    let receipt = ended(&db, &commands(&db).await).await.remove(0);
    let answer = receipt.answer.unwrap();
    assert_eq!(answer, "1 stopped by themselves, 1 running on: their code waits nowhere");
    hears.recv().await.unwrap();
    running.shutdown().await;
}

#[tokio::test]
async fn a_thousand_running_jobs_of_a_topic_end_with_one_command() {
    const JOBS: usize = 1000;
    let (db, lateness, (stage, mut hears)) = (Db::new().await, Lateness::watch(), Stage::new());
    let running = worker(&db, &stage).concurrency(JOBS).start().await.unwrap();
    pgjobs::publish_all(&db.pool, (0..JOBS).map(|_| polite::new())).await.unwrap();
    stage.begun(JOBS).await;
    let asked = Instant::now();
    let cancelled = db.one::<i64>(
        "select count(*) from jobs.cancel(array(select job_id::text from jobs.find('running', 'control.*', null, 1000)), i_reason => 'all')",
    ).await;
    let called = asked.elapsed();
    for _ in 0..JOBS {
        hears.recv().await.unwrap();
    }
    let heard = asked.elapsed();
    println!(
        "1,000 running jobs: cancelled in {called:?}, and the last code has heard of it after {heard:?}"
    );
    assert_eq!(cancelled, 1000);
    assert!(heard - called < lateness.allow(Duration::from_millis(500)), "{heard:?}");
    let receipt = ended(&db, &commands(&db).await).await;
    assert_eq!(receipt.len(), 1, "one command for the one worker");
    assert_eq!(receipt[0].answer.as_deref(), Some("1000 stopped by themselves"));
    assert_eq!(db.one::<i64>("select jobs.count('cancelled')").await, 1000);
    let report = running.shutdown().await;
    assert_eq!((report.lost, report.succeeded), (1000, 0));
}

#[tokio::test]
async fn a_cancelled_job_says_who_cancelled_it_and_why() {
    let (db, (stage, mut hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    let job = polite::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    job.cancel(&db.pool, "wrong\nprices").await.unwrap();
    hears.recv().await.unwrap();
    let who = db.one::<String>("select session_user::text").await;
    let said = format!("cancelled by {who}: wrong prices");
    assert_eq!(job.fetch(&db.pool).await.unwrap().traceback.as_deref(), Some(&*said));
    assert!(job.explain(&db.pool).await.unwrap()[0].message.ends_with(&said));
    assert!(job.wait(&db.pool).await.unwrap_err().to_string().contains(&said));
    let audit = "select concat_ws(' ', action, target = $job, jobs, reason) from jobs.audit";
    let audit = audit.replace("$job", &format!("'{}'", job.id()));
    assert_eq!(db.all::<String>(&audit).await, ["cancel t 1 wrong\nprices"]);
    running.shutdown().await;
}

#[tokio::test]
async fn the_last_error_of_a_cancelled_job_is_kept_after_the_reason() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); select jobs.nack(job_id, 'it broke', jobs.now()) from jobs.consume(1)")
        .await;
    db.run("select jobs.cancel(array(select job_id::text from jobs.job_queue), i_reason => 'enough')").await;
    let kept = db.one::<String>("select traceback from jobs.job").await;
    assert!(kept.starts_with("cancelled by ") && kept.ends_with(": enough\nit broke"), "{kept}");
}

#[tokio::test]
async fn cancelling_what_waits_sends_no_command() {
    let (db, (stage, _hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).start().await.unwrap();
    let later = db.one::<String>("select job_id::text from jobs.publish('control.short', '{\"kwargs\": {\"n\": 1}}', i_scheduled_at => now() + interval '1 h')").await;
    assert_eq!(admin::cancel(&db.pool, &[later.parse().unwrap()]).await.unwrap().len(), 1);
    assert!(commands(&db).await.is_empty());
    assert!(db.one::<bool>("select pg_sequence_last_value('jobs.commands_made') is null").await);
    running.shutdown().await;
}

#[tokio::test]
async fn a_lost_lease_fires_the_token_of_code_that_goes_on_elsewhere() {
    let (db, (stage, mut hears)) = (Db::new().await, Stage::new());
    let running = worker(&db, &stage).lease(Duration::from_secs(3)).start().await.unwrap();
    let job = thread::publish(&db.pool).await.unwrap();
    stage.begun(1).await;
    // As a sweep does that found its heartbeat too old; in one transaction, so that no heartbeat comes
    // between.
    db.run("update jobs.worker set expires_at = now() - interval '1 second'; select jobs.sweep()").await;
    hears.recv().await.unwrap();
    stage.begun(2).await; // the job runs again, under the worker's new lease
    job.cancel(&db.pool, "enough").await.unwrap();
    hears.recv().await.unwrap();
    running.shutdown().await;
}
