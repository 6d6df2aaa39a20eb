//! Queries that replay ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::{Cluster, until};
use sqlx::{Connection, PgConnection, PgPool};

use super::pages::Site;
use super::{filled, run};

async fn number(pool: &sqlx::PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// How many pages wait for a lock that replay holds, and hold one that replay will want.
const WAITING: &str = "select count(*) from pg_locks w join pg_locks h using (pid)
    where not w.granted and w.relation = 'jobs.worker'::regclass and h.granted and h.relation = 'jobs.pending'::regclass";

/// A page gives up waiting for a lock after two seconds; what took longer shows nothing.
const SOON: Duration = Duration::from_millis(1500);

/// Has a page wait on the standby for a lock that replay holds, and replay want one that the page holds: it
/// ends the page's query. Returns the page; none if that took so long that the page may have given up.
async fn ended_by_replay(cluster: &Cluster, primary: &PgPool, site: &Arc<Site>) -> Option<(u16, String)> {
    let mut holder = PgConnection::connect_with(&cluster.options()[0]).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.worker in access exclusive mode").execute(&mut *held).await.unwrap();
    run(primary, "select jobs.publish('mail.now')").await;
    super::shown(cluster, primary).await;
    let page = tokio::spawn({
        let site = site.clone();
        async move { site.get("/jobs").await }
    });
    until("the page waits", async || number(&cluster.other, WAITING).await > 0 || page.is_finished()).await;
    let (waits, begun) = (!page.is_finished(), Instant::now());
    run(primary, "begin; lock table jobs.pending in access exclusive mode; commit").await;
    // Replay goes past the lock when the page's query has ended.
    super::shown(cluster, primary).await;
    held.rollback().await.unwrap();
    run(primary, "select jobs.publish('mail.now')").await; // so that the standby learns of the lock's end
    super::shown(cluster, primary).await;
    let was_ended = waits && begun.elapsed() < SOON;
    let page = page.await.unwrap();
    was_ended.then_some(page)
}

#[tokio::test]
async fn a_page_whose_query_replay_ended_is_read_once_more() {
    let (cluster, primary) = filled().await;
    run(&cluster.other, "alter system set max_standby_streaming_delay = 0").await;
    run(&cluster.other, "select pg_reload_conf()").await;
    let hook = |_: &_| Some(Viewer::new("mara", Role::Admin));
    let dashboard = Dashboard::new(primary.clone()).read_from(cluster.other.clone()).authenticate(hook);
    let site = Arc::new(Site::serve(dashboard.router()).await);
    for _ in 0..20 {
        // Problems are known for ten seconds from here on; what is read each second begins with the pending jobs.
        site.get("/").await;
        tokio::time::sleep(Duration::from_secs(1)).await; // a snapshot is a second old at most
        if let Some((status, text)) = ended_by_replay(&cluster, &primary, &site).await {
            assert_eq!(status, 200, "{text}");
            return;
        }
    }
    panic!("the machine is too busy for this test: each page gave up before replay ended its query");
}

#[tokio::test]
async fn an_error_of_replay_names_what_keeps_queries_alive() {
    let (cluster, primary) = filled().await;
    run(&cluster.other, "alter system set max_standby_streaming_delay = 0").await;
    run(&cluster.other, "select pg_reload_conf()").await;
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_lazy_with(cluster.options()[1].clone());
    let mut reader = pool.begin().await.unwrap();
    sqlx::raw_sql("select count(*) from jobs.job_queue").execute(&mut *reader).await.unwrap();
    let ended = tokio::spawn(async move {
        let slow = sqlx::raw_sql("select pg_sleep(60)").execute(&mut *reader).await;
        pgjobs::Error::from(slow.unwrap_err()).to_string()
    });
    until("it sleeps", async || {
        number(&cluster.other, "select count(*) from pg_stat_activity where wait_event = 'PgSleep'").await > 0
    })
    .await;
    run(&primary, "begin; lock table jobs.pending in access exclusive mode; commit").await;
    let words = tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap().unwrap();
    for part in ["conflict with recovery", "40001", "hot_standby_feedback", "max_standby_streaming_delay"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}
