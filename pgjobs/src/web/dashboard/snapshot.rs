//! What all pages share, read once a second at most, however many people look.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::limit::in_time;
use crate::db;
use crate::db::dashboard::flow::{self, Flow, Open};
use crate::db::refusal::server_code;
use crate::db::replay::is_recovery_conflict;
use crate::inspect::{PauseRow, Problem, Standby, TaskCounts, WorkerRow};
use crate::types::error::Error;

/// A snapshot is not read anew before.
const AGE: Duration = Duration::from_millis(900);
/// The problems, and the counts of ended jobs, are looked for so often: their queries are many, or read much.
const SLOW: Duration = Duration::from_secs(10);
/// Throughput is measured over this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Counts stop here.
const CAP: i32 = 10_000;

/// The installation at one moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// The database's clock.
    pub(super) at: DateTime<Utc>,
    /// How old the rest is, where it is read from a standby.
    pub(super) standby: Option<Standby>,
    /// The jobs of each task by state; each count stops at 10,000.
    pub(super) counts: Vec<TaskCounts>,
    pub(super) workers: Vec<WorkerRow>,
    pub(super) pauses: Vec<PauseRow>,
    pub(super) flow: Flow,
    /// Jobs that ended a second, over the last minute; `None` until it was watched for a few seconds.
    pub(super) rate: Option<f64>,
    /// Errors first; at most ten seconds older than the rest.
    pub(super) problems: Arc<Vec<Problem>>,
    /// Problems or counts of ended jobs took too long, and are those that were read before, or none.
    pub(super) is_late: bool,
}

/// The last snapshot, and what is known of the minute before it.
#[derive(Clone, Default)]
pub(super) struct Snapshots(Arc<Mutex<Last>>);

#[derive(Default)]
struct Last {
    snapshot: Option<(Instant, Arc<Snapshot>)>,
    slow: Option<Slow>,
    /// A task reads it anew.
    is_refreshing: bool,
    ended: Ended,
}

/// What costs more, and changes less: it is read every ten seconds.
#[derive(Clone)]
struct Slow {
    read: Instant,
    problems: Arc<Vec<Problem>>,
    /// Of each task, with the open jobs as they were.
    counts: Arc<Vec<TaskCounts>>,
    is_late: bool,
}

impl Snapshots {
    /// The snapshot of this second. Whoever asks first reads it, and the others wait for that.
    ///
    /// # Errors
    /// Those of the database; what was read before stays for [`Snapshots::last`].
    pub(super) async fn get(&self, pool: &PgPool, of_standby: bool) -> Result<Arc<Snapshot>, Error> {
        let mut last = self.0.lock().await;
        if let Some((read, snapshot)) = &last.snapshot
            && read.elapsed() < AGE
        {
            return Ok(snapshot.clone());
        }
        let slow = match &last.slow {
            Some(slow) => slow.clone(),
            None => in_time(read_slow(pool, None)).await?,
        };
        last.slow = Some(slow.clone());
        if slow.read.elapsed() >= SLOW && !std::mem::replace(&mut last.is_refreshing, true) {
            tokio::spawn(refresh(self.0.clone(), pool.clone(), slow.clone()));
        }
        let mut snapshot = match read(pool, &slow, of_standby).await {
            Err(error) if is_recovery_conflict(&error) => read(pool, &slow, of_standby).await?,
            read => read?,
        };
        snapshot.rate = last.ended.rate(snapshot.flow.ended);
        let snapshot = Arc::new(snapshot);
        last.snapshot = Some((Instant::now(), snapshot.clone()));
        Ok(snapshot)
    }

    /// Has the next request read anew: something was changed, and the page that follows shows it.
    pub(super) async fn expire(&self) {
        if let Some((read, _)) = &mut self.0.lock().await.snapshot {
            *read = read.checked_sub(AGE).unwrap_or(*read);
        }
    }

    /// The last one that could be read, however old.
    pub(super) async fn last(&self) -> Option<Arc<Snapshot>> {
        self.0.lock().await.snapshot.as_ref().map(|(_, snapshot)| snapshot.clone())
    }
}

/// How many jobs had ended at which moments of the last minute.
#[derive(Default)]
struct Ended(VecDeque<(Instant, i64)>);

impl Ended {
    /// Adds what was read now; jobs a second since the oldest reading of the last minute.
    fn rate(&mut self, ended: i64) -> Option<f64> {
        let now = Instant::now();
        // The server counts anew after a crash, and when a day ends.
        if self.0.back().is_some_and(|(_, before)| *before > ended) {
            self.0.clear();
        }
        self.0.push_back((now, ended));
        while self.0.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.0.pop_front();
        }
        let (at, before) = self.0.front()?;
        let seconds = (now - *at).as_secs_f64();
        (seconds >= 3.0).then(|| (ended - before) as f64 / seconds)
    }
}

async fn read(pool: &PgPool, slow: &Slow, of_standby: bool) -> Result<Snapshot, Error> {
    in_time(read_all(pool, slow, of_standby)).await
}

async fn read_all(pool: &PgPool, slow: &Slow, of_standby: bool) -> Result<Snapshot, Error> {
    let mut tx = db::dashboard::begin_read(pool).await?;
    let snapshot = Snapshot {
        at: db::dashboard::now(&mut tx).await?,
        standby: if of_standby { db::standby::standby(&mut tx).await? } else { None },
        counts: with_open(&slow.counts, flow::open(&mut tx, CAP).await?),
        workers: db::inspect::workers(&mut tx).await?,
        pauses: db::pause::pauses(&mut tx).await?,
        flow: flow::flow(&mut tx, CAP).await?,
        rate: None,
        problems: slow.problems.clone(),
        is_late: slow.is_late,
    };
    tx.commit().await?;
    Ok(snapshot)
}

/// Reads anew what costs more, while pages have what was read before.
async fn refresh(last: Arc<Mutex<Last>>, pool: PgPool, before: Slow) {
    let read = in_time(read_slow(&pool, Some(&before))).await;
    let mut last = last.lock().await;
    last.is_refreshing = false;
    // After an error too it is tried again in a while, and not at once.
    last.slow = Some(read.unwrap_or(Slow { read: Instant::now(), is_late: true, ..before }));
}

/// Reads what costs more. No page needs all of it to be there: what takes too long stays as it was before.
async fn read_slow(pool: &PgPool, before: Option<&Slow>) -> Result<Slow, Error> {
    let mut tx = db::dashboard::begin_read(pool).await?;
    let problems = unless_late(db::problems::problems(&mut tx).await)?;
    drop(tx);
    let mut tx = db::dashboard::begin_read(pool).await?;
    let counts = unless_late(db::inspect::overview(&mut tx, CAP).await)?;
    drop(tx);
    let is_late = problems.is_none() || counts.is_none();
    let old_problems = || before.map(|slow| slow.problems.clone()).unwrap_or_default();
    let old_counts = || before.map(|slow| slow.counts.clone()).unwrap_or_default();
    Ok(Slow {
        read: Instant::now(),
        problems: problems.map_or_else(old_problems, Arc::new),
        counts: counts.map_or_else(old_counts, Arc::new),
        is_late,
    })
}

/// What was read, or nothing where the server gave up: it took too long, waited too long for a lock, or held up the
/// replay of a standby.
fn unless_late<T>(read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => match server_code(&error).as_deref() {
            Some("57014" | "55P03" | "40001") => Ok(None),
            _ => Err(error),
        },
    }
}

/// The ended jobs as they were counted before, and the open ones as they are now.
fn with_open(ended: &[TaskCounts], open: Vec<Open>) -> Vec<TaskCounts> {
    let none = |task: String| TaskCounts {
        task,
        ready: 0,
        scheduled: 0,
        running: 0,
        success: 0,
        failed: 0,
        cancelled: 0,
        oldest_ready: None,
        exact: true,
    };
    let was = |task: &TaskCounts| TaskCounts {
        ready: 0,
        scheduled: 0,
        running: 0,
        oldest_ready: None,
        ..task.clone()
    };
    let mut counts: BTreeMap<String, TaskCounts> =
        ended.iter().map(|task| (task.task.clone(), was(task))).collect();
    for Open { task, ready, scheduled, running, oldest_ready } in open {
        let counts = counts.entry(task.clone()).or_insert_with(|| none(task));
        *counts = TaskCounts { ready, scheduled, running, oldest_ready, ..counts.clone() };
    }
    counts.into_values().collect()
}
