//! Each job is taken once, whoever dies: sessions that do steps are ended at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use pgjobs_tests::{Db, amount, until};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{failed, numbers, start};

const JOBS: u32 = amount(2_000, 20_000);

/// Jobs a second: small steps, so that most end before their session does.
const RATE: u32 = JOBS / 7;

/// Each job of the operation has exactly one new job, and each new job a job.
const ONCE: &str = "select count(*) from jobs.job h
    join jobs.pending p on p.job_id = h.redriven_as and p.meta->'redrive'->>'from' = h.job_id";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_job_is_re_driven_once_through_kills() {
    let db = Arc::new(Db::new().await);
    failed(&db, JOBS, 4).await;
    let id = start(&db, &format!("'redrive', '*', i_rate => {RATE}")).await;
    let killed = through_kills(&db, id).await;
    assert!(killed > 3, "{killed} sessions were ended");
    let jobs = i64::from(JOBS);
    assert_eq!(numbers(&db, id).await, ("done".to_owned(), jobs, 0));
    assert_eq!((db.one::<i64>(ONCE).await, db.count("pending").await), (jobs, jobs));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_job_is_retried_once_through_kills() {
    let db = Arc::new(Db::new().await);
    failed(&db, JOBS, 4).await;
    let id = start(&db, &format!("'retry', '*', i_rate => {RATE}")).await;
    through_kills(&db, id).await;
    let jobs = i64::from(JOBS);
    assert_eq!(numbers(&db, id).await, ("done".to_owned(), jobs, 0));
    let once = "select count(distinct job_id) from jobs.pending where attempt = 3";
    assert_eq!(
        (db.one::<i64>(once).await, db.count("pending").await, db.count("failed").await),
        (jobs, jobs, 0)
    );
}

/// Three sessions do steps until the operation ends, and one session after the other is ended.
async fn through_kills(db: &Arc<Db>, id: i64) -> usize {
    let (stop, killed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let steppers: Vec<_> = (0..3).map(|_| tokio::spawn(step_on(db.clone(), stop.clone(), id))).collect();
    let killer = tokio::spawn(kill_at_random(db.clone(), stop.clone(), killed.clone()));
    until("the operation has ended", async || numbers(db, id).await.0 == "done").await;
    stop.store(true, Ordering::Relaxed);
    for stepper in steppers {
        stepper.await.unwrap();
    }
    killer.await.unwrap();
    killed.load(Ordering::Relaxed)
}

/// Does steps until it is stopped; with a new session whenever its own was ended.
async fn step_on(db: Arc<Db>, stop: Arc<AtomicBool>, id: i64) {
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut session) = PgConnection::connect_with(&db.options().application_name("stepper")).await
        else {
            continue;
        };
        while !stop.load(Ordering::Relaxed) {
            // One step, and longer than it needs to be, so that it is ended in the middle as well.
            let step = format!(
                "begin; select jobs.step_operation({id}, 0); select pg_sleep(random() * 0.02); commit"
            );
            if sqlx::raw_sql(AssertSqlSafe(step)).execute(&mut session).await.is_err() {
                break;
            }
        }
    }
}

async fn kill_at_random(db: Arc<Db>, stop: Arc<AtomicBool>, killed: Arc<AtomicUsize>) {
    let mut random = Rng::with_seed(5);
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(random.u64(20..150))).await;
        let ended: i64 = db.one("select count(*) from (select pg_terminate_backend(pid) from (select pid from pg_stat_activity
            where application_name = 'stepper' and datname = current_database() and xact_start is not null order by random() limit 1) a) t").await;
        killed.fetch_add(ended as usize, Ordering::Relaxed);
    }
}
