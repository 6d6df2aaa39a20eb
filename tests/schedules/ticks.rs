//! Each tick publishes once, whoever dies: sessions that tick are ended at random while the clock goes
//! through months.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono_tz::Tz;
use fastrand::Rng;
use pgjobs::chrono::{DateTime, TimeDelta, Utc};
use pgjobs_tests::{Db, amount};
use sqlx::{Connection, PgConnection};

use crate::minutes::Line;

const SCHEDULES: [(&str, &str, Tz); 8] = [
    ("berlin.often", "*/20 * * * *", Tz::Europe__Berlin),
    ("berlin.night", "30 2 * * *", Tz::Europe__Berlin),
    ("york.often", "5,35 * * * *", Tz::America__New_York),
    ("york.night", "15 1,2 * * *", Tz::America__New_York),
    ("howe.often", "*/30 * * * *", Tz::Australia__Lord_Howe),
    ("howe.night", "45 1-2 * * *", Tz::Australia__Lord_Howe),
    ("santiago.often", "10 * * * *", Tz::America__Santiago),
    ("santiago.night", "0 0 * * *", Tz::America__Santiago),
];

/// Around each day of 2030 on which the clock of one of the zones changes.
const CHANGES: [&str; 7] = [
    "2030-03-09T12:00:30Z",
    "2030-03-30T12:00:30Z",
    "2030-04-06T12:00:30Z",
    "2030-09-07T12:00:30Z",
    "2030-10-05T12:00:30Z",
    "2030-10-26T12:00:30Z",
    "2030-11-02T12:00:30Z",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_tick_publishes_once_through_changes_of_clocks_and_kills() {
    let db = Arc::new(Db::with_clock().await);
    let length = TimeDelta::days(i64::from(amount(2, 8)));
    let mut ticks = 0;
    for start in CHANGES {
        ticks += go_through(&db, start.parse().unwrap(), length).await;
    }
    assert!(ticks >= amount(2500, 10_000) as usize, "{ticks} ticks");
}

/// Lets the clock go on in steps and compares what was published with a walk over every minute.
async fn go_through(db: &Arc<Db>, start: DateTime<Utc>, length: TimeDelta) -> usize {
    set_clock(db, start).await;
    db.run("delete from jobs.pending; delete from jobs.schedule_entry; delete from jobs.schedule").await;
    for (name, cron, zone) in SCHEDULES {
        db.run(&format!("select jobs.set_schedule('{name}', 'report', i_cron => '{cron}', i_zone => '{zone}', i_catch_up => 'all')")).await;
    }
    let end = start + length;
    let (stop, killed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let tickers: Vec<_> = (0..3).map(|_| tokio::spawn(tick_on(db.clone(), stop.clone()))).collect();
    let killer = tokio::spawn(kill_at_random(db.clone(), stop.clone(), killed.clone()));
    let step = TimeDelta::minutes(i64::from(amount(60, 30)));
    let mut now = start;
    while now < end {
        now += step;
        set_clock(db, now).await;
        pgjobs_tests::until("all that is due has ticked", || async {
            db.one::<bool>("select not exists (select from jobs.schedule where due_at <= jobs.now())").await
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    for ticker in tickers {
        ticker.await.unwrap();
    }
    killer.await.unwrap();
    assert!(killed.load(Ordering::Relaxed) > 5, "{killed:?} sessions were ended");
    compare(db, start, now).await
}

async fn set_clock(db: &Db, at: DateTime<Utc>) {
    sqlx::query("update jobs.test_clock set at = $1").bind(at).execute(&db.pool).await.unwrap();
}

/// Ticks until it is stopped; with a new session whenever its own was ended.
async fn tick_on(db: Arc<Db>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut session) = PgConnection::connect_with(&db.options().application_name("ticker")).await
        else {
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            // Longer than it needs to be, so that it is ended in the middle as well.
            let ticked =
                sqlx::raw_sql("begin; select jobs.tick(3); select pg_sleep(random() * 0.002); commit")
                    .execute(&mut session)
                    .await;
            if ticked.is_err() {
                break;
            }
        }
    }
}

async fn kill_at_random(db: Arc<Db>, stop: Arc<AtomicBool>, killed: Arc<AtomicUsize>) {
    let mut random = Rng::with_seed(3);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(std::time::Duration::from_millis(random.u64(5..60))).await;
        let ended: i64 = db.one("select count(*) from (select pg_terminate_backend(pid) from (select pid from pg_stat_activity
            where application_name = 'ticker' and datname = current_database() and xact_start is not null order by random() limit 1) a) t").await;
        killed.fetch_add(ended as usize, Ordering::Relaxed);
    }
}

async fn compare(db: &Db, start: DateTime<Utc>, end: DateTime<Utc>) -> usize {
    let rows: Vec<(String, DateTime<Utc>)> = sqlx::query_as("select meta->'tick'->>'schedule', (meta->'tick'->>'at')::timestamptz from jobs.pending order by 1, 2")
        .fetch_all(&db.pool).await.unwrap();
    let mut published: BTreeMap<String, Vec<DateTime<Utc>>> = BTreeMap::new();
    for (name, at) in rows {
        published.entry(name).or_default().push(at);
    }
    let mut ticks = 0;
    for (name, cron, zone) in SCHEDULES {
        let expected = Line { cron, zone, gap: None, fold: None }.due(start - TimeDelta::seconds(30), end);
        assert_eq!(published.remove(name).unwrap_or_default(), expected, "{name}");
        ticks += expected.len();
    }
    ticks
}
