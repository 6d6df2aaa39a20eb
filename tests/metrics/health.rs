//! Health: what a probe is told.

use std::time::Duration;

use pgjobs::define::TaskDef;
use pgjobs::{Worker, WorkerHealth};
use pgjobs_tests::{Db, Proxy, ended, until};
use serde_json::Value;
use sqlx::postgres::PgPoolOptions;

use crate::serving::{Serving, app};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn a_worker_that_ends_lives_and_is_not_ready() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.slow"]).await;
    db.run(r#"select jobs.publish('app.slow', '{"args": [600]}')"#).await;
    worker.shows("pgjobs_worker_slots_used", 1.0).await;
    worker.signal("-TERM");
    until("it ends", async || worker.get("/readyz").await.0 == 503).await;
    let (status, said) = worker.get("/readyz").await;
    assert_eq!((status, &json(&said)["reason"]), (503, &"the worker ends".into()));
    assert_eq!(worker.get("/healthz").await, (200, "{\"status\":\"ok\"}\n".to_owned()));
}

#[tokio::test]
async fn a_schema_that_is_behind_is_a_reason_not_to_be_ready() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &[]).await;
    db.run("update jobs.schema_functions set release = '0.0.1'").await;
    let (status, said) = worker.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(said.contains("the schema is older than this program"), "{said}");
}

#[tokio::test]
async fn a_deep_look_names_problems_and_fails_only_for_errors() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    db.run("update jobs.config set notify = false").await;
    let (status, said) = worker.get("/healthz?deep").await;
    assert_eq!((status, &json(&said)["problems"][0]["code"]), (200, &"notify_off".into()), "a warning");
    db.run("select jobs.publish('nobody.has')").await;
    let (status, said) = worker.get("/healthz?deep").await;
    assert_eq!((status, &json(&said)["problems"][0]["code"]), (503, &"unknown_task".into()));
    assert_eq!(worker.get("/healthz").await.0, 200, "a new process would not help");
}

/// Served by this process, behind a proxy that the test cuts.
#[tokio::test]
async fn a_database_that_is_away_is_a_reason_not_to_be_ready_and_not_to_die() {
    let db = Db::new().await;
    let proxy = Proxy::before(&db);
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(proxy.options(&db));
    let worker = Worker::new(pool.clone()).topic("health.*").task(&NOTHING).start().await.unwrap();
    let address = serve(pool, worker.health()).await;
    let get = async |path: &str| {
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/readyz").await.0, 200);
    proxy.set_up(false);
    assert_eq!(get("/healthz").await.0, 200);
    let (status, said) = get("/readyz").await;
    assert_eq!((status, &json(&said)["reason"]), (503, &"the database does not answer".into()));
    worker.stop();
}

static NOTHING: TaskDef =
    TaskDef::new("health.nothing", |context| Box::pin(async move { context.finish(()) }));

static BLOCKS: TaskDef = TaskDef::new("health.blocks", |context| {
    Box::pin(async move {
        std::thread::sleep(Duration::from_secs(8));
        context.finish(())
    })
});

async fn serve(pool: sqlx::PgPool, health: WorkerHealth) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = pgjobs::web::health(pool, Some(health));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// This test's runtime has one thread, which the task blocks.
#[tokio::test]
async fn a_worker_whose_runtime_is_blocked_does_not_live() {
    let db = Db::new().await;
    let (tell, told) = std::sync::mpsc::channel();
    let pool = db.pool.clone();
    let worker = Worker::new(pool).topic("health.*").task(&BLOCKS).lease(Duration::from_secs(1));
    let running = worker.start().await.unwrap();
    let health = running.health();
    assert_eq!(health.is_alive(), Ok(()));
    assert_eq!(health.is_ready(), Ok(()));
    std::thread::spawn(move || {
        // Asked from outside, as a probe that has a thread of its own asks.
        let reason = std::iter::repeat_with(|| std::thread::sleep(Duration::from_millis(20)))
            .find_map(|()| health.is_alive().err());
        tell.send(reason).unwrap();
    });
    db.run("select jobs.publish('health.blocks')").await;
    until("the job has ended", async || db.one::<i64>("select count(*) from jobs.job").await == 1).await;
    let reason = told.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
    assert!(reason.contains("the runtime of the tasks runs nothing"), "{reason}");
    running.shutdown().await;
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_unless_it_is_allowed() {
    let db = Db::new().await;
    let mut child = app(&db, &["worker", "--burst", "--metrics", "0.0.0.0:0"]).spawn().unwrap();
    assert_eq!(ended(&mut child).code(), Some(2));
    let mut child =
        app(&db, &["worker", "--burst", "--metrics", "0.0.0.0:0", "--metrics-allow-remote"]).spawn().unwrap();
    assert_eq!(ended(&mut child).code(), Some(0));
    let mut child = app(&db, &["worker", "--burst", "--metrics", "localhost:0"]).spawn().unwrap();
    assert_eq!(ended(&mut child).code(), Some(0));
}
