//! Slots, topics, and what is left alone.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pgjobs::{NewJob, Worker};
use pgjobs_tests::{Db, Lateness, until};

use crate::tasks::{Gate, add, pass};

#[tokio::test]
async fn no_more_jobs_run_than_there_are_slots_and_few_are_prefetched() {
    let db = Db::new().await;
    let gate = Gate::new();
    pgjobs::publish_all(&db.pool, (0..100).map(pass::new)).await.unwrap();
    let running = Worker::new(db.pool.clone())
        .topic("gate.*")
        .concurrency(4)
        .state(gate.clone())
        .start()
        .await
        .unwrap();
    gate.entered(4).await;
    let held: i64 = db.one("select count(*) from jobs.running").await;
    assert_eq!(held, 4, "slow jobs are not claimed ahead");
    gate.door.add_permits(100);
    until("all passed", async || db.one::<i64>("select count(*) from jobs.job").await == 100).await;
    assert_eq!(gate.most.load(Ordering::SeqCst), 4);
    running.shutdown().await;
}

#[tokio::test]
async fn what_was_claimed_ahead_of_long_runs_is_left_to_others() {
    let db = Db::new().await;
    let gate = Gate::new();
    let worker = || Worker::new(db.pool.clone()).topic("gate.*").concurrency(2).state(gate.clone());
    let busy = worker().topic("math.*").start().await.unwrap();
    let mut tx = db.pool.begin().await.unwrap();
    pgjobs::publish_all(&mut *tx, (0..3000).map(add::new)).await.unwrap();
    pgjobs::publish_all(&mut *tx, (0..4).map(pass::new)).await.unwrap();
    tx.commit().await.unwrap();
    gate.entered(2).await;
    let idle = worker().start().await.unwrap();
    gate.entered(4).await; // their timeout is a minute: were they kept, they would run after it
    gate.door.add_permits(4);
    until("all ended", async || db.one::<i64>("select count(*) from jobs.job").await == 3004).await;
    let handed_back = "select count(*) filter (where attempt = 2 and retries = 0) = 2 and bool_and(status = 'success') from jobs.job \
                       where task = 'gate.pass'";
    assert!(db.one::<bool>(handed_back).await, "the two that were claimed ahead");
    for worker in [busy, idle] {
        worker.shutdown().await;
    }
}

#[tokio::test]
async fn a_worker_claims_only_tasks_that_it_has_within_its_topics() {
    let db = Db::new().await;
    NewJob::named("unknown.task").publish(&db.pool).await.unwrap();
    NewJob::named("os.system").arg("true").publish(&db.pool).await.unwrap();
    NewJob::named("mark.run").arg(1).publish(&db.pool).await.unwrap();
    let ours = add::publish(&db.pool, 1).await.unwrap();
    let report = Worker::new(db.pool.clone()).topic("math.*").burst().run().await.unwrap();
    assert_eq!(report.succeeded, 1);
    assert_eq!(ours.wait(&db.pool).await.unwrap(), 11);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where run_at is null and attempt = 0").await,
        3
    );
    let seen: bool =
        db.one("select not declared and workers = 0 from jobs.tasks() where name = 'os.system'").await;
    assert!(seen, "a task that nobody has is visible as such");
}

#[tokio::test]
async fn an_alias_keeps_old_jobs_runnable() {
    let db = Db::new().await;
    let job = NewJob::named("sum.add").arg(1).arg(2).publish(&db.pool).await.unwrap();
    Worker::new(db.pool.clone()).topic("sum.*").burst().run().await.unwrap();
    assert_eq!(job.wait(&db.pool).await.unwrap(), 3);
}

#[tokio::test]
async fn greater_priority_goes_first_also_across_tasks() {
    let db = Db::new().await;
    let gate = Gate::new();
    gate.door.add_permits(100);
    for n in 0..10 {
        pass::publish(&db.pool, n).await.unwrap();
        NewJob::named("math.add").arg(n).priority(5).publish(&db.pool).await.unwrap();
    }
    let order: Arc<Mutex<Vec<String>>> = Arc::default();
    let started = order.clone();
    let worker = Worker::new(db.pool.clone()).topic("gate.*").topic("math.*").concurrency(1).state(gate);
    worker
        .on_start(move |job| started.lock().unwrap().push(job.task().to_owned()))
        .burst()
        .run()
        .await
        .unwrap();
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 20);
    assert_eq!(order[..10], ["math.add"; 10].map(String::from));
}

#[tokio::test]
async fn a_job_scheduled_for_later_starts_at_its_time() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let running =
        Worker::new(db.pool.clone()).topic("math.*").poll(Duration::from_secs(60)).start().await.unwrap();
    let job = add::publish(&db.pool, 1).delay(Duration::from_millis(1300)).await.unwrap();
    job.wait(&db.pool).await.unwrap();
    running.shutdown().await;
    let late: f64 = db.one("select extract(epoch from run_at - scheduled_at)::float8 from jobs.job").await;
    let limit = lateness.allow(Duration::from_secs(1)).as_secs_f64();
    assert!((0.0..limit).contains(&late), "{late} s after its time, with a poll of a minute");
}

#[tokio::test]
async fn a_worker_that_does_not_listen_finds_work_by_polling() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("math.*").listen(false).poll(Duration::from_millis(20));
    let running = worker.start().await.unwrap();
    for n in 0..5 {
        add::publish(&db.pool, n).await.unwrap().wait(&db.pool).await.unwrap();
    }
    running.shutdown().await;
    assert_eq!(
        db.one::<i64>("select last_value from jobs.sleeping_until").await,
        0,
        "publishers were not asked to notify"
    );
}

#[tokio::test]
async fn a_worker_shows_itself_and_its_tasks_while_it_lives() {
    let db = Db::new().await;
    let running = Worker::new(db.pool.clone()).topic("math.*").concurrency(7).start().await.unwrap();
    let workers = pgjobs::inspect::workers(&db.pool).await.unwrap();
    assert_eq!((workers.len(), workers[0].slots, workers[0].alive), (1, 7, true));
    assert_eq!(workers[0].tasks, ["math.add"]);
    let tasks = pgjobs::inspect::tasks(&db.pool).await.unwrap();
    assert_eq!((tasks[0].name.as_str(), tasks[0].workers, tasks[0].doc.as_str()), ("math.add", 1, "Adds."));
    let schema = tasks[0].args_schema.as_ref().unwrap().get();
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap();
    assert_eq!(schema["properties"]["a"]["type"], "integer", "{schema}");
    running.shutdown().await;
    assert!(pgjobs::inspect::workers(&db.pool).await.unwrap().is_empty(), "it takes its leave");
}

/// By then its looks are seconds apart: what comes sooner was not found by looking.
#[tokio::test]
async fn a_worker_that_sleeps_is_woken_by_a_publisher() {
    let (db, lateness) = (Db::new().await, Lateness::watch());
    let worker =
        Worker::new(db.pool.clone()).topic("math.*").poll(Duration::from_secs(60)).start().await.unwrap();
    until("its last look is long ago", async || {
        let ago = "select coalesce(max(extract(epoch from clock_timestamp() - state_change)), 0)::float8
            from pg_stat_activity where datname = current_database() and application_name = 'pgjobs claim' and state = 'idle'";
        db.one::<f64>(ago).await > 1.7
    })
    .await;
    let published = Instant::now();
    add::publish(&db.pool, 1).await.unwrap();
    until("it has ended", async || db.one::<i64>("select count(*) from jobs.job").await == 1).await;
    let took = published.elapsed();
    assert!(took < lateness.allow(Duration::from_millis(1200)), "{took:?}");
    worker.shutdown().await;
}
