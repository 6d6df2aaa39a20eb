//! Events: that each change of a job gives its own, once, and that whoever subscribes hears all of them.

mod kills;
mod positions;
mod stream;
mod web;
mod worker;
mod written;

use pgjobs_tests::Db;

/// A database in which everything is watched.
async fn watched() -> Db {
    let db = Db::new().await;
    db.run("select jobs.watch('*')").await;
    db
}

/// The position after what has happened by now.
async fn position(db: &Db) -> String {
    db.one("select jobs.event_position()").await
}

/// Each event after a position, as `kind task attempt` with its details, in its order.
async fn since(db: &Db, position: &str) -> Vec<String> {
    db.all(&format!(
        "select concat_ws(' ', e.kind, e.task, e.attempt, e.details - 'meta') from jobs.events_after('{position}') with ordinality e where e.kind <> 'position' order by e.ordinality"
    ))
    .await
}

/// The same without what differs from job to job: how many of each there are.
async fn counted(db: &Db, position: &str) -> String {
    db.one::<Option<String>>(&format!(
        "select string_agg(concat_ws(' ', n, kind, details), ', ' order by kind, details)
         from (select count(*) as n, e.kind, e.details::text from jobs.events_after('{position}', i_num => 10000) e where e.kind <> 'position' group by 2, 3) c"
    ))
    .await
    .unwrap_or_default()
}
