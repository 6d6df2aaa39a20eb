//! Servers that are there, or not, when a worker starts.

use std::time::Duration;

use pgjobs::{Error, Worker};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;

use crate::tasks::{Busy, databases, sleep};

fn worker(a: &PgPool, b: &PgPool) -> Worker {
    Worker::new(a.clone()).server("eu", b.clone()).topic("busy.*").state(Busy::new())
}

#[tokio::test]
async fn a_server_without_the_schema_fails_the_start_and_is_named() {
    let (a, b) = (Db::new().await, Db::empty().await);
    let error = worker(&a.pool, &b.pool).start().await.map(drop).unwrap_err();
    assert_eq!(error.code(), "servers");
    assert!(error.to_string().starts_with("server `eu`: schema `jobs` is missing"), "{error}");
    let Error::Servers(troubles) = error else { panic!("{error}") };
    assert!(matches!(&troubles[..], [(name, Error::SchemaMissing(_))] if name == "eu"));
    assert_eq!(a.one::<i64>("select count(*) from jobs.worker").await, 0, "nothing was begun at the other");
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_tried_until_it_is_there() {
    let [a, b] = databases().await;
    let proxy = Proxy::before(&b);
    proxy.set_up(false);
    let through = PgPool::connect_lazy_with(proxy.options(&b));
    let running = worker(&a.pool, &through).start().await.unwrap();
    sleep::publish(&b.pool, 0).await.unwrap();
    ran(&a).await;
    let health = running.health();
    assert_eq!((health.is_alive(), health.is_ready()), (Ok(()), Ok(())));
    let eu = health.servers().swap_remove(1);
    assert_eq!(eu, ("eu".to_owned(), Err("it has not been reached yet".to_owned())));
    proxy.set_up(true);
    until("its job has run", async || running.server_reports()[1].1.succeeded == 1).await;
    assert!(health.servers().iter().all(|(_, state)| state.is_ok()));
    assert_eq!(running.shutdown().await.succeeded, 2);
}

/// Publishes a job there and waits until it has run.
async fn ran(db: &Db) {
    let job = sleep::publish(&db.pool, 0).await.unwrap();
    job.wait_for(&db.pool, Duration::from_secs(120)).await.unwrap();
}

/// A worker with a server that has two hosts, each behind a proxy.
async fn with_two_hosts() -> ([Db; 2], [Proxy; 2], Worker) {
    let [a, b] = databases().await;
    let hosts = [Proxy::before(&b), Proxy::before(&b)];
    let through = PgPool::connect_lazy_with(hosts[0].options(&b));
    let worker = worker(&a.pool, &through).fallback(hosts[1].options(&b));
    ([a, b], hosts, worker)
}

#[tokio::test]
async fn a_server_at_its_second_host_at_the_start_is_followed_to_the_first() {
    let ([_a, b], hosts, worker) = with_two_hosts().await;
    hosts[0].set_up(false);
    let again = worker.clone();
    let running = worker.start().await.unwrap();
    ran(&b).await;
    hosts[1].set_up(false);
    hosts[0].set_up(true);
    ran(&b).await;
    running.shutdown().await;
    // The pool leads elsewhere than when the second worker was made.
    let running = again.start().await.unwrap();
    hosts[0].set_up(false);
    hosts[1].set_up(true);
    ran(&b).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_server_whose_first_host_swallows_packets_is_reached_at_the_second() {
    let ([_a, b], hosts, worker) = with_two_hosts().await;
    hosts[0].set_stalled(true);
    let running = worker.start().await.unwrap();
    ran(&b).await;
    running.shutdown().await;
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_tried_until_it_has_one() {
    let [a, b] = databases().await;
    let role = format!("few_{}", std::process::id());
    b.run(&format!("create role {role} login connection limit 0 in role jobs_worker")).await;
    let limited = PgPool::connect_lazy_with(b.options().username(&role));
    let running = worker(&a.pool, &limited).start().await.unwrap();
    ran(&a).await;
    b.run(&format!("alter role {role} connection limit -1")).await;
    ran(&b).await;
    running.shutdown().await;
    limited.close().await;
    b.run(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_worker_that_reaches_no_server_does_not_start() {
    let [a, b] = databases().await;
    let (first, second) = (Proxy::before(&a), Proxy::before(&b));
    first.set_up(false);
    second.set_up(false);
    let [a, b] = [first.options(&a), second.options(&b)].map(PgPool::connect_lazy_with);
    let error = worker(&a, &b).start().await.map(drop).unwrap_err();
    let Error::Servers(troubles) = error else { panic!("{error}") };
    let names: Vec<_> = troubles.iter().map(|(name, error)| (&**name, error.code())).collect();
    assert_eq!(names, [("main", "database"), ("eu", "database")]);
}

#[tokio::test]
async fn names_and_databases_of_servers_differ() {
    let [a, b] = databases().await;
    let refused = async |worker: Worker| worker.start().await.map(drop).unwrap_err().to_string();
    let twice = worker(&a.pool, &b.pool).server_name("eu");
    assert_eq!(
        refused(twice).await,
        "option `server`: two servers are named `eu`: give each a name of its own"
    );
    let same = refused(worker(&a.pool, &a.pool)).await;
    assert!(same.starts_with("option `server`: `main` and `eu` are the same database"), "{same}");
    let proxy = Proxy::before(&a); // another address
    let same = refused(worker(&a.pool, &PgPool::connect_lazy_with(proxy.options(&a)))).await;
    assert!(same.starts_with("option `server`: `main` and `eu` are the same database"), "{same}");
    let odd = refused(worker(&a.pool, &b.pool).server_name("Main")).await;
    assert!(odd.starts_with("option `server`: `Main` is no name of a server"), "{odd}");
}
