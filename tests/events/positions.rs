//! Positions: nothing is lost and nothing comes twice, whatever commits when.

use std::collections::BTreeSet;
use std::time::Duration;

use pgjobs_tests::{Db, until};
use sqlx::{Connection, PgConnection};

use crate::{position, since, watched};

/// Reads page by page until nothing is left; the jobs in their order, and where it goes on.
async fn read(db: &Db, mut position: String, num: usize) -> (Vec<String>, String) {
    let mut jobs = Vec::new();
    loop {
        let rows: Vec<(String, String, Option<String>)> =
            sqlx::query_as("select e.position, e.kind, e.job_id from jobs.events_after($1, i_num => $2) e")
                .bind(&position)
                .bind(i32::try_from(num).unwrap())
                .fetch_all(&db.pool)
                .await
                .unwrap();
        let events = rows.len() - 1;
        for (at, kind, job) in rows {
            position = at;
            assert!(kind == "queued" || kind == "position", "{kind}");
            jobs.extend(job);
        }
        if events < num {
            return (jobs, position);
        }
    }
}

async fn begin(db: &Db, publish: &str) -> PgConnection {
    let mut session = db.connect().await;
    let sql = format!("begin; {publish}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut session).await.unwrap();
    session
}

async fn commit(mut session: PgConnection) {
    sqlx::raw_sql("commit").execute(&mut session).await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_stays_open_holds_back_its_own_events_alone() {
    let db = watched().await;
    let start = position(&db).await;
    let held = begin(&db, "select jobs.publish('held')").await;
    db.run("select jobs.publish('a')").await;
    assert_eq!(since(&db, &start).await, ["queued a 0"]);
    let (_, here) = read(&db, start, 10).await;
    db.run("select jobs.publish('b')").await;
    let (jobs, here) = read(&db, here, 10).await;
    assert_eq!(jobs.len(), 1);
    commit(held).await;
    assert_eq!(since(&db, &here).await, ["queued held 0"]);
}

/// Transactions that commit in any order, read in pages of any size: each event comes once.
#[tokio::test]
async fn events_come_once_in_whatever_order_transactions_commit() {
    let db = watched().await;
    let mut random = fastrand::Rng::with_seed(7);
    let start = position(&db).await;
    let (mut readers, mut open): (Vec<(Vec<String>, String)>, Vec<PgConnection>) =
        ((0..4).map(|_| (Vec::new(), start.clone())).collect(), Vec::new());
    let rounds = pgjobs_tests::amount(300, 3000);
    for round in 0..rounds {
        match random.u32(..4) {
            0 if open.len() < 12 => {
                let jobs = random.u32(1..4);
                open.push(
                    begin(&db, &format!("select jobs.publish('t{round}') from generate_series(1, {jobs})"))
                        .await,
                );
            }
            1 if !open.is_empty() => commit(open.swap_remove(random.usize(..open.len()))).await,
            2 => {
                db.run("select jobs.publish_arrays('{a}', '{1,2,3,4,5}', null, null, null, null, null)").await
            }
            _ => {
                let nth = random.usize(..readers.len());
                let (jobs, at) = read(&db, readers[nth].1.clone(), random.usize(1..9)).await;
                readers[nth].0.extend(jobs);
                readers[nth].1 = at;
            }
        }
    }
    for session in open {
        commit(session).await;
    }
    let all: BTreeSet<String> =
        db.all::<String>("select job_id::text from jobs.job_queue").await.into_iter().collect();
    for (mut jobs, at) in readers {
        jobs.extend(read(&db, at, 3).await.0);
        let heard: BTreeSet<String> = jobs.iter().cloned().collect();
        assert_eq!(jobs.len(), heard.len(), "no event comes twice");
        assert_eq!(heard, all, "no event is lost");
    }
}

#[tokio::test]
async fn reading_stops_where_it_is_told_and_goes_on_from_there() {
    let db = watched().await;
    let start = position(&db).await;
    db.run("select jobs.publish('a')").await;
    let middle = position(&db).await;
    db.run("select jobs.publish('b')").await;
    let until = |from: &str, until: &str| {
        format!(
            "select string_agg(coalesce(task, position), ' ' order by ordinality) from jobs.events_after('{from}', '*', 10, '{until}') with ordinality"
        )
    };
    let first: String = db.one(&until(&start, &middle)).await;
    assert_eq!(first, format!("a {middle}"));
    assert_eq!(since(&db, &middle).await, ["queued b 0"]);
    let backward: String = db.one(&until(&position(&db).await, &middle)).await;
    assert!(!backward.contains(&middle), "it does not go back: {backward}");
}

/// Somebody has been at it since before the first event.
#[tokio::test]
async fn what_is_kept_is_read_beside_an_older_transaction() {
    let db = Db::new().await;
    let held = begin(&db, "select jobs.publish('before')").await;
    db.run("select jobs.watch('*'); select jobs.publish('a')").await;
    let all = "select string_agg(coalesce(task, kind), ' ' order by ordinality) from jobs.events_after() with ordinality";
    assert_eq!(db.one::<String>(all).await, "a position");
    commit(held).await;
    assert_eq!(db.one::<String>(all).await, "a position");
}

#[tokio::test]
async fn the_callers_own_transaction_is_not_passed_over() {
    let db = watched().await;
    let mut session = begin(&db, "select jobs.publish('a')").await;
    // Others that began later and have ended: its number lies within the snapshot.
    db.run("select jobs.publish('b')").await;
    let here: String =
        sqlx::query_scalar("select jobs.event_position()").fetch_one(&mut session).await.unwrap();
    sqlx::raw_sql("select jobs.publish('c')").execute(&mut session).await.unwrap();
    commit(session).await;
    assert_eq!(since(&db, &here).await, ["queued a 0", "queued c 0"]);
}

#[tokio::test]
async fn a_position_of_elsewhere_is_answered_by_a_resync() {
    let db = watched().await;
    let here = position(&db).await;
    let parts: Vec<&str> = here.split('.').collect();
    let ahead = format!("{}.{}.999999999-0", parts[0], parts[1]);
    for (text, reason) in [
        ("", "unreadable"),
        ("x", "unreadable"),
        ("1.2.3", "unreadable"),
        ("1.2.3-0-", "unreadable"),
        ("1.1.9223372036854775807-9999", "unreadable"),
        ("0.1.700-0", "unknown"),
        (&*ahead, "unknown"),
        (&*here.replace(&format!(".{}.", parts[1]), ".99."), "unknown"),
    ] {
        let answer: String = db
            .one(&format!("select concat_ws(' ', kind, details->>'reason', position <> '') from jobs.events_after('{text}')"))
            .await;
        assert_eq!(answer, format!("resync {reason} t"), "{text}");
    }
}

#[tokio::test]
async fn events_are_kept_for_event_hours_and_older_positions_expire() {
    let db = Db::with_clock().await;
    db.run("update jobs.config set event_hours = 24; select jobs.watch('*')").await;
    let start = position(&db).await;
    db.run("select jobs.publish('a')").await;
    // A transaction of another test that is older than this may have written events, for all that a position can know.
    until("older transactions have ended", async || {
        db.one("select pg_snapshot_xmin(pg_current_snapshot()) > (select max(e.xact::text::bigint)::text::xid8 from jobs.event e)").await
    })
    .await;
    let middle = position(&db).await;
    for _ in 0..3 {
        // No jump: by less than two days each time.
        db.advance(Duration::from_secs(24 * 3600)).await;
        db.run("call jobs.maintain_partitions_and_commit()").await;
    }
    db.run("select jobs.publish('b')").await;
    assert_eq!(since(&db, &middle).await, ["queued b 0"], "what is left can be read");
    let answer: String =
        db.one(&format!("select concat_ws(' ', kind, details) from jobs.events_after('{start}')")).await;
    assert_eq!(answer, r#"resync {"reason": "expired"}"#);
    let left: i64 = db.one("select count(*) from jobs._event_partitions() where day < (jobs.now() at time zone 'utc')::date - 1").await;
    assert_eq!(left, 0);
    let from_the_oldest: Vec<String> =
        db.all("select task::text from jobs.events_after() where task is not null").await;
    assert_eq!(from_the_oldest, ["b"]);
}

#[tokio::test]
async fn a_role_hears_of_its_tasks_only_and_reads_notes_if_it_may_read_logs() {
    let db = watched().await;
    let start = position(&db).await;
    db.run("select jobs.publish('mine.a'), jobs.publish('theirs.b')").await;
    db.run("select count(*) from jobs.consume(2) c, jobs.set_progress(c.job_id, 1, 2, 'a note')").await;
    let role = format!("r{}", std::process::id());
    db.run(&format!("create role {role}; grant jobs_reader to {role}; select jobs.grant_topic('{role}', 'mine.*', true, true)")).await;
    let mut session = db.connect().await;
    let read = format!("set role {role}; select 1");
    sqlx::raw_sql(sqlx::AssertSqlSafe(read)).execute(&mut session).await.unwrap();
    let heard: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
        "select string_agg(concat_ws(' ', kind, task, details), ', ' order by ordinality) from jobs.events_after('{start}') with ordinality where kind <> 'position'"
    )))
    .fetch_one(&mut session)
    .await
    .unwrap();
    assert_eq!(heard, r#"queued mine.a, picked mine.a, progress mine.a {"done": 1, "total": 2}"#);
    sqlx::raw_sql("reset role").execute(&mut session).await.unwrap();
    session.close().await.unwrap();
    db.run(&format!("drop owned by {role}; drop role {role}")).await;
}
