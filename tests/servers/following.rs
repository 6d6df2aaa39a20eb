//! The pool of a program that only publishes follows the primary.

use std::time::Duration;

use pgjobs::follow_primary;
use pgjobs_tests::{Db, Proxy, Said, until};
use sqlx::postgres::PgPoolOptions;

use crate::tasks::last_run;

#[tokio::test]
async fn a_pool_goes_to_the_host_that_is_the_primary_and_the_log_says_so_once() {
    let (db, (said, _listening)) = (Db::new().await, Said::listen());
    let hosts = [Proxy::before(&db), Proxy::before(&db)];
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(2));
    let pool = pool.connect_lazy_with(hosts[0].options(&db));
    let _follow = follow_primary(&pool, [hosts[1].options(&db)]);
    last_run::publish(&pool, 0).await.unwrap();
    hosts.iter().for_each(|host| host.set_up(false));
    until("it is told", async || said.so_far().contains("there is no primary")).await;
    hosts[1].set_up(true);
    until("it publishes at the other", async || last_run::publish(&pool, 0).await.is_ok()).await;
    until("it is told", async || said.so_far().contains("the primary is back")).await;
    let text = said.take();
    let times = |what: &str| text.matches(what).count();
    assert_eq!((times("there is no primary"), times("the primary is back")), (1, 1), "{text}");
}
