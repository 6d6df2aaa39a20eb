//! Layers around publishing and running.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pgjobs::define::{TaskDef, TaskOptions};
use pgjobs::layers::{Layer, Next, RunResult};
use pgjobs::workflow::Flow;
use pgjobs::{Error, Job, JobState, NewJob, Task, TaskError, Tx, Worker, task};
use pgjobs_tests::{Db, until};

use crate::tasks::{Gate, add, fail, flaky, pass, transfer};

type Log = Arc<Mutex<Vec<String>>>;

/// Writes down each run with its attempt and its end.
struct Noted(&'static str, Log);

impl Noted {
    fn note(&self, what: String) {
        self.1.lock().unwrap().push(format!("{} {what}", self.0));
    }
}

impl Layer for Noted {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        self.note(format!("{} {}", job.task(), job.attempt()));
        let result = next.run().await;
        self.note(match &result {
            Ok(value) => format!("ok {}", value.get()),
            Err(error) if error.is_snooze() => "snoozed".to_owned(),
            Err(error) => error.to_string(),
        });
        result
    }
}

/// Makes every failure a snooze of an hour.
struct Patience;

impl Layer for Patience {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        next.run().await.map_err(|_| TaskError::snooze(Duration::from_secs(3600)))
    }
}

/// Fails each run that succeeded.
struct Strict;

impl Layer for Strict {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        next.run().await?;
        Err(TaskError::fatal(format!("{} is not good enough", job.task())))
    }
}

/// Panics after each run.
struct Panicking;

impl Layer for Panicking {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        let result = next.run().await;
        panic!("a layer after {}", result.is_ok());
    }
}

/// Ends every run as a success without the task.
struct Skipping;

impl Layer for Skipping {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        next.skip(&-1)
    }
}

fn worker(db: &Db, topic: &str) -> Worker {
    Worker::new(db.pool.clone()).topic(topic).poll(Duration::from_millis(50))
}

fn said(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

#[tokio::test]
async fn layers_see_every_run_of_a_job_in_their_order_and_hooks_are_among_them() {
    let (db, log) = (Db::new().await, Log::default());
    let job = flaky::publish(&db.pool, 1).await.unwrap();
    let (starts, losses) = (log.clone(), log.clone());
    let running = worker(&db, "fail.times")
        .layer(Noted("outer", log.clone()))
        .on_start(move |job| starts.lock().unwrap().push(format!("start {}", job.attempt())))
        .on_failure(move |_, error| losses.lock().unwrap().push(format!("failure {error}")))
        .layer(Noted("inner", log.clone()))
        .start()
        .await
        .unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 2);
    running.shutdown().await;
    let first = [
        "outer fail.times 1",
        "start 1",
        "inner fail.times 1",
        "inner failure 1",
        "failure failure 1",
        "outer failure 1",
    ];
    let second = ["outer fail.times 2", "start 2", "inner fail.times 2", "inner ok 2", "outer ok 2"];
    assert_eq!(said(&log), [&first[..], &second[..]].concat());
}

#[tokio::test]
async fn a_layer_replaces_an_error_and_a_success() {
    let (db, log) = (Db::new().await, Log::default());
    let job = fail::publish(&db.pool, "plain".into()).await.unwrap();
    let heard = log.clone();
    let report = worker(&db, "fail.how")
        .on_failure(move |_, error| heard.lock().unwrap().push(error.to_string()))
        .layer(Noted("outer", log.clone()))
        .layer(Patience)
        .layer(Noted("inner", log.clone()))
        .burst()
        .run()
        .await
        .unwrap();
    assert_eq!((report.snoozed, report.retried), (1, 0));
    assert_eq!(said(&log), ["outer fail.how 1", "inner fail.how 1", "inner plain", "outer snoozed"]);
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!((row.state, row.retries), (JobState::Pending, 0), "the run did not count");

    let job = add::publish(&db.pool, 1).await.unwrap();
    let report = worker(&db, "math.*").layer(Strict).burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.failed), (0, 1));
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!(row.traceback.as_deref(), Some("math.add is not good enough"));
}

#[tokio::test]
async fn a_layer_skips_a_task_and_the_job_has_its_result() {
    let db = Db::new().await;
    let job = fail::new("panic".into()).publish(&db.pool).await.unwrap();
    let sum = add::publish(&db.pool, 1).await.unwrap();
    let report = worker(&db, "*").state(Gate::new()).layer(Skipping).burst().run().await.unwrap();
    assert_eq!(report.succeeded, 2);
    assert_eq!(sum.wait(&db.pool).await.unwrap(), -1);
    assert_eq!(job.fetch(&db.pool).await.unwrap().state, JobState::Success);
}

#[tokio::test]
async fn a_panic_in_a_layer_is_a_failed_run_and_the_worker_goes_on() {
    let (db, log) = (Db::new().await, Log::default());
    let first = add::publish(&db.pool, 1).retries(1).await.unwrap();
    let running = worker(&db, "math.*")
        .concurrency(1)
        .layer(Noted("outer", log.clone()))
        .layer(Panicking)
        .start()
        .await
        .unwrap();
    let error = first.wait(&db.pool).await.unwrap_err().to_string();
    assert!(error.contains("Panicking` panicked: a layer after true"), "{error}");
    let second = add::publish(&db.pool, 2).retries(1).await.unwrap();
    second.wait(&db.pool).await.unwrap_err();
    let report = running.shutdown().await;
    assert_eq!((report.failed, report.succeeded), (2, 0));
    assert_eq!(said(&log).len(), 4, "the layer around it saw both");
}

#[tokio::test]
async fn a_timeout_and_a_panic_of_the_task_reach_layers_and_hooks() {
    let (db, log) = (Db::new().await, Log::default());
    for how in ["hang", "panic"] {
        fail::publish(&db.pool, how.to_owned()).retries(1).await.unwrap();
    }
    let heard = log.clone();
    let report = worker(&db, "fail.how")
        .concurrency(1)
        .on_failure(move |_, error| {
            heard.lock().unwrap().push(format!("{} {}", error.is_timeout(), error.is_panic()));
        })
        .burst()
        .run()
        .await
        .unwrap();
    assert_eq!(report.failed, 2);
    assert_eq!(said(&log), ["true false", "false true"]);
}

#[tokio::test]
async fn a_layer_cannot_undo_what_the_task_committed_with_its_job() {
    let db = Db::new().await;
    db.run("create table entry (job text, amount bigint)").await;
    let job = transfer::publish(&db.pool, 5, false).await.unwrap();
    worker(&db, "bank.*").layer(Strict).burst().run().await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 5);
    assert_eq!(db.one::<i64>("select count(*) from entry").await, 1);
}

#[tokio::test]
async fn a_task_written_by_hand_runs_within_layers_too() {
    static NOOP: TaskDef = TaskDef::new("layers.noop", |context| Box::pin(async move { context.finish(()) }))
        .options(TaskOptions::new().retries(1));
    let (db, log) = (Db::new().await, Log::default());
    NewJob::named("layers.noop").publish(&db.pool).await.unwrap();
    let layer = Noted("layer", log.clone());
    worker(&db, "layers.noop").task(&NOOP).layer(layer).burst().run().await.unwrap();
    assert_eq!(said(&log), ["layer layers.noop 1", "layer ok null"]);
}

/// Says when a run is cut off.
struct Watched(Log);

struct Cut<'l>(Option<&'l Log>);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        if let Some(log) = self.0 {
            log.lock().unwrap().push("cut off".to_owned());
        }
    }
}

impl Layer for Watched {
    async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
        let mut cut = Cut(Some(&self.0));
        let result = next.run().await;
        cut.0 = None;
        result
    }
}

#[tokio::test]
async fn a_run_that_is_cut_off_drops_its_layers_and_does_not_count() {
    let (db, log, gate) = (Db::new().await, Log::default(), Gate::new());
    let job = pass::publish(&db.pool, 1).await.unwrap();
    let running = worker(&db, "gate.*")
        .state(gate.clone())
        .grace(Duration::ZERO)
        .layer(Watched(log.clone()))
        .start()
        .await
        .unwrap();
    gate.entered(1).await;
    running.shutdown().await;
    until("the run is cut off", async || !log.lock().unwrap().is_empty()).await;
    assert_eq!(said(&log), ["cut off"]);
    let row = job.fetch(&db.pool).await.unwrap();
    assert_eq!((row.state, row.retries), (JobState::Pending, 0));
}

/// Its jobs are seen by the publish layer of these tests, which is there for the whole process.
#[task(name = "layers.seen", retries = 4)]
async fn seen(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}

/// Adds the publish layer of these tests once; it sees the tasks below `layers` alone, and refuses a job of
/// `layers.seen` with priority 13.
fn publish_layer() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        pgjobs::on_publish(|job| {
            if job.task() != "layers.seen" {
                return Ok(());
            }
            if job.priority() == 13 {
                return Err("13 is refused".into());
            }
            if job.delay().is_none() && job.scheduled_at().is_none() {
                job.set_priority(job.priority() + 100);
                job.set_timeout(job.timeout() + Duration::from_secs(1));
                job.set_meta("request", job.meta("request").map_or(1, |_| 2));
            }
            Ok(())
        });
    });
}

#[tokio::test]
async fn every_way_to_publish_goes_through_the_publish_layers() {
    publish_layer();
    let db = Db::new().await;
    let shown =
        "select priority || ' ' || max_retries || ' ' || timeout::float8 from jobs.job_queue order by id";
    seen::publish(&db.pool, 1).priority(1).await.unwrap();
    let mut connection = db.connect().await;
    seen::new(1).publish(&mut connection).priority(2).await.unwrap();
    let mut tx = db.pool.begin().await.unwrap();
    seen::publish(&mut *tx, 1).priority(3).await.unwrap();
    pgjobs::publish_all(&mut *tx, [seen::new(1), seen::new(2)]).priority(4).await.unwrap();
    tx.commit().await.unwrap();
    let tx = Tx::begin(&db.pool).await.unwrap();
    seen::publish(&tx, 1).priority(5).await.unwrap();
    tx.commit().await.unwrap();
    NewJob::named("layers.seen").arg(1).publish(&db.pool).await.unwrap();
    let typed = [101, 102, 103, 104, 104, 105].map(|priority| format!("{priority} 4 61"));
    assert_eq!(db.all::<String>(shown).await, [&typed[..], &["100 3 61".to_owned()]].concat());
    seen::publish(&db.pool, 1).meta("request", 0).await.unwrap();
    let metas: Vec<String> = db.all("select meta::text from jobs.job_queue order by id").await;
    assert_eq!(metas[..7], ["{\"request\": 1}"; 7]);
    assert_eq!(metas[7..], ["{\"request\": 2}"], "what the caller notes is there before");
    seen::publish(&db.pool, 1).delay(Duration::from_secs(60)).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where priority = 0").await, 1);
    publishes::publish(&db.pool).await.unwrap();
    Worker::new(db.pool.clone()).topic("layers.publishes").burst().run().await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue where priority = 106").await, 1);
}

#[task(name = "layers.publishes")]
async fn publishes(#[inject] job: &Job) -> Result<(), TaskError> {
    seen::publish(job.on_success(), 1).priority(6).await?;
    Ok(())
}

#[tokio::test]
async fn nodes_of_workflows_go_through_the_publish_layers() {
    publish_layer();
    let db = Db::new().await;
    let mut flow = Flow::new("layers");
    flow.node("first", seen::new(1)).priority(1);
    let group = flow.group("group", [1, 2].map(seen::new)).priority(2);
    flow.node("waits", seen::new(3)).priority(3).after(&group);
    flow.publish(&db.pool).await.unwrap();
    let shown = "select priority || ' ' || timeout::float8 || ' ' || meta from jobs.job_queue order by id";
    let seen_once = [101, 102, 102].map(|priority| format!("{priority} 61 {{\"request\": 1}}"));
    assert_eq!(db.all::<String>(shown).await, seen_once);
    let waits = "select (n.options->'priority')::text from jobs.node n where n.name = 'waits'";
    assert_eq!(db.one::<String>(waits).await, "103");

    let mut flow = Flow::new("refused");
    flow.node("fine", seen::new(1));
    flow.node("refused", seen::new(2)).priority(13);
    let refused = flow.publish(&db.pool).await.unwrap_err();
    assert!(matches!(&refused, Error::PublishRefused { task, .. } if task == "layers.seen"), "{refused}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.workflow").await, 1);
}

#[tokio::test]
async fn what_a_publish_layer_refuses_is_not_published_and_harms_nothing_else() {
    publish_layer();
    let db = Db::new().await;
    let refused = seen::publish(&db.pool, 1).priority(13).await.unwrap_err();
    assert!(matches!(&refused, Error::PublishRefused { task, .. } if task == "layers.seen"), "{refused}");
    assert!(refused.to_string().ends_with("13 is refused"), "{refused}");
    pgjobs::publish_all(&db.pool, (0..3).map(seen::new)).priority(13).await.unwrap_err();
    NewJob::named("layers.seen").arg(1).priority(13).publish(&db.pool).await.unwrap_err();

    // The transaction is as it was before the refusal: it was told nothing.
    let mut tx = db.pool.begin().await.unwrap();
    seen::publish(&mut *tx, 1).await.unwrap();
    seen::publish(&mut *tx, 2).priority(13).await.unwrap_err();
    add::publish(&mut *tx, 3).await.unwrap();
    tx.commit().await.unwrap();
    let tx = Tx::begin(&db.pool).await.unwrap();
    seen::publish(&tx, 1).await.unwrap();
    seen::publish(&tx, 2).priority(13).await.unwrap_err();
    tx.commit().await.unwrap();
    assert_eq!(
        db.all::<String>("select task from jobs.job_queue order by id").await,
        ["layers.seen", "math.add", "layers.seen"]
    );
}

#[tokio::test]
async fn a_refused_publish_takes_no_connection() {
    publish_layer();
    let nowhere = sqlx::PgPool::connect_lazy("postgres://nobody@127.0.0.1:1/nowhere").unwrap();
    let refused = seen::publish(&nowhere, 1).priority(13).await.unwrap_err();
    assert!(matches!(refused, Error::PublishRefused { .. }), "{refused}");
}
