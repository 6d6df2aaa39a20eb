//! The stream: live, after an absence, for slow subscribers, and for many at the cost of one.

use std::time::Duration;

use futures_util::StreamExt;
use pgjobs::events::{self, EventKind, EventStream, ResyncReason, Update};
use pgjobs_tests::{Db, Proxy, until};
use sqlx::PgPool;

use crate::{position, watched};

/// The next so many events, as `kind task`.
async fn hear(stream: &mut EventStream, num: usize) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < num {
        match stream.next().await.expect("it goes on").expect("no error") {
            Update::Event(event) => heard.push(format!("{} {}", event.kind, event.task)),
            Update::Resync(resync) => panic!("{resync:?}"),
        }
    }
    heard
}

#[tokio::test]
async fn a_subscriber_hears_what_it_asked_for_and_goes_on_where_it_was() {
    let db = watched().await;
    let start = events::position(&db.pool).await.unwrap();
    let subscription =
        pgjobs::events(&db.pool).topic("mail.*").unwrap().topic("b").unwrap().kinds([EventKind::Queued]);
    let mut stream = subscription.clone().after(start).stream();
    db.run("select jobs.publish('a'), jobs.publish('mail.x'), jobs.publish('b')").await;
    db.run("select count(*) from jobs.consume(3)").await;
    db.run("select jobs.publish('b')").await;
    assert_eq!(hear(&mut stream, 1).await, ["queued mail.x"]);
    let Update::Event(event) = stream.next().await.unwrap().unwrap() else { panic!("an event") };
    assert_eq!((&*event.task, event.attempt, event.kind), ("b", 0, EventKind::Queued));
    drop(stream);
    let mut again = subscription.after(event.position.as_str()).stream();
    assert_eq!(hear(&mut again, 1).await, ["queued b"]);
    db.run("select jobs.publish('mail.y')").await;
    assert_eq!(hear(&mut again, 1).await, ["queued mail.y"], "live");
}

#[tokio::test]
async fn one_job_is_followed_through_its_life() {
    let db = watched().await;
    let job: String = db.one("select (jobs.publish('a')).job_id::text").await;
    let mut stream = pgjobs::events(&db.pool).job(job.parse().unwrap()).after(position(&db).await).stream();
    db.run("select jobs.publish('a')").await;
    db.run("select count(*) from jobs.consume(2) c, jobs.ack(c.job_id)").await;
    assert_eq!(hear(&mut stream, 2).await, ["picked a", "completed a"]);
}

#[tokio::test]
async fn the_end_of_a_workflow_is_heard_with_its_state() {
    let db = watched().await;
    let subscription =
        pgjobs::events(&db.pool).topic("workflow.*").unwrap().kinds([EventKind::WorkflowEnded]);
    let mut stream = subscription.after(position(&db).await).stream();
    for job in ["one", "two"] {
        db.run(&format!(r#"select jobs.publish_workflow('[{{"name": "a", "task": "{job}"}}]', 'nightly')"#))
            .await;
    }
    db.run("select jobs.cancel_workflow(1)").await;
    db.run("select jobs.ack(c.job_id, '1', c.lease) from jobs.consume_topic('two', 1) c").await;
    for (id, state) in [("1", "cancelled"), ("2", "success")] {
        let Update::Event(event) = stream.next().await.unwrap().unwrap() else { panic!("an event") };
        assert_eq!((&*event.task, event.job_id.as_str()), ("workflow.nightly", id));
        assert_eq!(event.state.as_deref(), Some(state));
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_continued_gives_a_resync_and_then_events() {
    let db = watched().await;
    let mut stream = pgjobs::events(&db.pool).after("from\u{0}elsewhere").stream();
    let Update::Resync(resync) = stream.next().await.unwrap().unwrap() else { panic!("a resync") };
    assert_eq!(resync.reason, ResyncReason::Unreadable);
    db.run("select jobs.publish('a')").await;
    assert_eq!(hear(&mut stream, 1).await, ["queued a"]);
}

#[tokio::test]
async fn five_hundred_subscribers_are_one_reader() {
    const SUBSCRIBERS: usize = 500;
    const ROUNDS: usize = 6;
    let db = watched().await;
    let database: String = db.one("select current_database()::text").await;
    db.run(&format!("alter database {database} set track_functions = 'all'")).await;
    let pool = PgPool::connect_with(db.options()).await.unwrap(); // whose calls are counted
    let start = position(&db).await;
    let mut streams: Vec<_> =
        (0..SUBSCRIBERS).map(|_| pgjobs::events(&pool).after(&*start).stream()).collect();
    for round in 0..ROUNDS {
        db.run(&format!("select jobs.publish('r{round}')")).await;
        for stream in &mut streams {
            assert_eq!(hear(stream, 1).await, [format!("queued r{round}")]);
        }
    }
    let readers: i64 = db
        .one("select count(*) from pg_stat_activity where datname = current_database() and application_name = 'pgjobs events'")
        .await;
    assert_eq!(readers, 1);
    drop(streams);
    pool.close().await; // a session tells at its end what it has called
    let calls =
        "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions where funcname = 'events_after'";
    until("the calls are counted", async || db.one::<i64>(calls).await >= 500).await;
    let calls: i64 = db.one(calls).await;
    // One or two for each to join; a call for each event would make 3,000.
    assert!(calls < 2000, "{calls} calls");
}

#[tokio::test]
async fn a_subscriber_that_is_slower_than_the_events_loses_none() {
    let db = watched().await;
    let mut slow = pgjobs::events(&db.pool).kinds([EventKind::Queued]).after(position(&db).await).stream();
    db.run("select jobs.publish('first')").await;
    assert_eq!(hear(&mut slow, 1).await, ["queued first"]);
    let mut quick = pgjobs::events(&db.pool).kinds([EventKind::Queued]).after(position(&db).await).stream();
    // More than is kept for all subscribers together.
    const JOBS: usize = 12_000;
    for _ in 0..JOBS / 1000 {
        db.run("select jobs.publish_arrays('{a}', array_fill('1'::jsonb, array[1000]), null, null, null, null, null)").await;
    }
    assert_eq!(hear(&mut quick, JOBS).await.len(), JOBS);
    db.run("select jobs.publish('last')").await;
    let heard = hear(&mut slow, JOBS + 1).await;
    assert!(heard[..JOBS].iter().all(|event| event == "queued a"));
    assert_eq!(heard[JOBS], "queued last");
}

#[tokio::test]
async fn a_stream_outlasts_an_outage_and_misses_nothing() {
    let db = watched().await;
    let proxy = Proxy::before(&db);
    let pool = PgPool::connect_with(proxy.options(&db)).await.unwrap();
    let mut stream = pgjobs::events(&pool).after(position(&db).await).stream();
    db.run("select jobs.publish('a')").await;
    assert_eq!(hear(&mut stream, 1).await, ["queued a"]);
    proxy.set_up(false);
    db.run("select jobs.publish('b')").await;
    let hearing = tokio::spawn(async move {
        let heard = hear(&mut stream, 2).await;
        (stream, heard)
    });
    tokio::time::sleep(Duration::from_millis(300)).await; // so that it has noticed; without it the test is only easier
    db.run("select jobs.publish('c')").await;
    proxy.set_up(true);
    let (mut stream, heard) = hearing.await.unwrap();
    assert_eq!(heard, ["queued b", "queued c"]);
    pool.close().await;
    assert!(stream.next().await.is_none(), "it ends with its pool");
}

#[tokio::test]
async fn a_stream_ends_with_an_error_that_does_not_pass() {
    let db = Db::empty().await;
    let mut stream = pgjobs::events(&db.pool).stream();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("schema"), "{error}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn subscribers_are_noted_so_that_workers_announce() {
    let db = watched().await;
    assert!(!db.one::<bool>("select jobs.announce_events()").await);
    let mut stream = pgjobs::events(&db.pool).after(position(&db).await).stream();
    db.run("select jobs.publish('a')").await;
    assert_eq!(hear(&mut stream, 1).await, ["queued a"]);
    until("it asks for notifications", async || db.one::<bool>("select jobs.announce_events()").await).await;
}
