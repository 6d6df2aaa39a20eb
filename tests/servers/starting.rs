//! Servers that are there, or not, when a worker starts.

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
    sleep::publish(&a.pool, 0).await.unwrap().wait(&a.pool).await.unwrap();
    let health = running.health();
    assert_eq!((health.is_alive(), health.is_ready()), (Ok(()), Ok(())));
    let eu = health.servers().swap_remove(1);
    assert_eq!(eu, ("eu".to_owned(), Err("it has not been reached yet".to_owned())));
    proxy.set_up(true);
    until("its job has run", async || running.server_reports()[1].1.succeeded == 1).await;
    assert!(health.servers().iter().all(|(_, state)| state.is_ok()));
    assert_eq!(running.shutdown().await.succeeded, 2);
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
    let odd = refused(worker(&a.pool, &b.pool).server_name("Main")).await;
    assert!(odd.starts_with("option `server`: `Main` is no name of a server"), "{odd}");
}
