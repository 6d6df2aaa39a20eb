//! Queries that replay ends.

use std::time::Duration;

use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::until;
use sqlx::{Connection, PgConnection};

use super::pages::Site;
use super::{filled, run};

async fn number(pool: &sqlx::PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

const ENDED: &str = "select confl_lock from pg_stat_database_conflicts where datname = current_database()";
const WAITING: &str =
    "select count(*) from pg_locks where not granted and relation = 'jobs.worker'::regclass";

/// A page waits on the standby for a lock that replay took, and holds one that replay wants: replay ends its
/// query.
#[tokio::test]
async fn a_page_whose_query_replay_ended_is_read_once_more() {
    let (cluster, primary) = filled().await;
    run(&cluster.other, "alter system set max_standby_streaming_delay = 0").await;
    run(&cluster.other, "select pg_reload_conf()").await;
    let mut holder = PgConnection::connect_with(&cluster.options()[0]).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.worker in access exclusive mode").execute(&mut *held).await.unwrap();
    run(&primary, "select jobs.publish('mail.now')").await;
    super::shown(&cluster, &primary).await;
    let hook = |_: &_| Some(Viewer::new("mara", Role::Admin));
    let dashboard = Dashboard::new(primary.clone()).read_from(cluster.other.clone()).authenticate(hook);
    let site = Site::serve(dashboard.router()).await;
    let page = tokio::spawn(async move { site.get("/jobs").await });
    until("the page waits", async || number(&cluster.other, WAITING).await > 0).await;
    run(&primary, "begin; lock table jobs.pending in access exclusive mode; commit").await;
    until("replay has ended its query", async || number(&cluster.other, ENDED).await > 0).await;
    held.rollback().await.unwrap();
    run(&primary, "select jobs.publish('mail.now')").await; // what makes the end of the lock known
    let (status, text) = page.await.unwrap();
    assert_eq!(status, 200, "{text}");
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
