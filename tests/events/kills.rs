//! Many writers, a server that crashes again and again, and readers that are slow: nothing is lost and nothing
//! comes twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use futures_util::StreamExt;
use pgjobs::events::Update;
use pgjobs_tests::{CustomServer, Db, amount, as_server_user, server, until};
use sqlx::PgPool;

use crate::position;

const WRITERS: u32 = 16;

/// Publishes, and works off, as long as it may.
async fn write(pool: PgPool, over: Arc<AtomicBool>) {
    while !over.load(SeqCst) {
        let published =
            sqlx::query("select jobs.publish('a') from generate_series(1, 3)").execute(&pool).await;
        let worked =
            sqlx::query("select count(*) from jobs.consume(2) c, jobs.ack(c.job_id)").execute(&pool).await;
        if published.is_err() || worked.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await; // the server recovers
        }
    }
}

/// What a reader heard, as `job attempt kind`, until it has heard `last`.
async fn listen(pool: PgPool, start: String, pause: Duration) -> Result<Vec<String>, String> {
    let mut stream = pgjobs::events(&pool).after(start).stream();
    let mut heard = Vec::new();
    while let Some(update) = stream.next().await {
        match update.map_err(|error| error.to_string())? {
            Update::Event(event) if event.task == "last" => return Ok(heard),
            Update::Event(event) => heard.push(format!("{} {} {}", event.job_id, event.attempt, event.kind)),
            Update::Resync(resync) => return Err(format!("{resync:?}")),
        }
        if heard.len() % 50 == 0 {
            tokio::time::sleep(pause).await;
        }
    }
    Err("it has ended".to_owned())
}

/// The events of the writers' jobs, as the readers write them down.
async fn written(db: &Db) -> sqlx::Result<BTreeSet<String>> {
    let events = "select concat_ws(' ', i.id, case kind when 'queued' then 0 else 1 end, kind)
        from jobs.event e, string_to_table(e.ids, chr(10)) i(id) where task = 'a'";
    Ok(sqlx::query_scalar::<_, String>(events).fetch_all(&db.pool).await?.into_iter().collect())
}

/// Kills one of the server's own processes: the server then ends all sessions and recovers from its log, as
/// after a crash.
async fn crash(db: &Db) {
    let pid: i32 = db.one("select pid from pg_stat_activity where backend_type = 'background writer'").await;
    let mut kill = as_server_user(server().await, Path::new("kill"));
    assert!(kill.args(["-9", &pid.to_string()]).status().expect("kill").success());
    until("another server process has begun", async || {
        let now = sqlx::query_scalar::<_, i32>(
            "select pid from pg_stat_activity where backend_type = 'background writer'",
        );
        now.fetch_one(&db.pool).await.is_ok_and(|now| now != pid)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_and_a_server_that_crashes_lose_no_event_and_double_none() {
    let own = CustomServer::start(&["env"]).await;
    let db = own.db().await;
    db.run("select jobs.watch('*')").await;
    let start = position(&db).await;
    let (quick, over) = (Duration::ZERO, Arc::new(AtomicBool::new(false)));
    let pauses = [quick, Duration::from_millis(20), Duration::from_millis(50), Duration::from_millis(100)];
    let readers: Vec<_> =
        pauses.map(|pause| tokio::spawn(listen(db.pool.clone(), start.clone(), pause))).into();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(WRITERS);
    let pool = pool.connect_lazy_with(db.options());
    let writers: Vec<_> = (0..WRITERS).map(|_| tokio::spawn(write(pool.clone(), over.clone()))).collect();
    for nth in 1..=amount(3, 20) {
        until("they have written enough before the next crash", async || {
            written(&db).await.is_ok_and(|written| written.len() >= nth as usize * 200)
        })
        .await;
        crash(&db).await;
    }
    over.store(true, SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    db.run("select jobs.publish('last')").await;
    let written = written(&db).await.unwrap();
    for reader in readers {
        let heard = reader.await.unwrap().unwrap();
        let all: BTreeSet<String> = heard.iter().cloned().collect();
        assert_eq!(heard.len(), all.len(), "no event comes twice");
        assert_eq!(all.len(), written.len(), "no event is lost");
        assert!(all == written);
    }
}
