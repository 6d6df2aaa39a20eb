//! What is shown: one set of reads, as a role that may only read can make them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use crate::Error;
use crate::cli::commands::alive::Alive;
use crate::cli::database::readers::Of;
use crate::inspect::{self, EndedLately, Problem, Standby, TaskCounts, WorkerRow};
use crate::types::topic::Topic;

/// Over how long rates are taken.
const WINDOW: u32 = 10;
/// How many rows of each kind are counted, so that a look costs little on any backlog.
const CAP: i32 = 10_000;
/// The time between two searches for problems, which cost more than the rest.
const PROBLEMS: Duration = Duration::from_secs(10);

/// All that a page shows.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Snapshot {
    /// When it was read, by the clock of this machine.
    pub(super) at: DateTime<Utc>,
    /// The database's name and place.
    pub(super) database: String,
    /// How old it is, where it is read from a standby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) standby: Option<Standby>,
    pub(super) totals: Totals,
    pub(super) tasks: Vec<TaskNow>,
    pub(super) workers: Vec<Of<WorkerRow>>,
    pub(super) problems: Vec<Of<Problem>>,
}

/// A task, with its rates.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TaskNow {
    /// Of several servers, the one whose jobs these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<String>,
    #[serde(flatten)]
    pub(super) counts: TaskCounts,
    /// How many of its jobs end in a second.
    pub(super) per_second: f64,
    /// How many of these fail for good.
    pub(super) failed_per_second: f64,
    /// Whether no worker claims them, because a topic is paused.
    pub(super) paused: bool,
}

/// Sums over all tasks and over all workers that live.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Totals {
    pub(super) ready: i64,
    pub(super) scheduled: i64,
    pub(super) running: i64,
    pub(super) per_second: f64,
    pub(super) failed_per_second: f64,
    /// When the oldest job that waits was published.
    pub(super) oldest_ready: Option<DateTime<Utc>>,
    /// Whether the counts are exact; otherwise there are at least so many.
    pub(super) exact: bool,
    pub(super) workers: usize,
    pub(super) slots: i64,
    pub(super) held: i64,
}

/// When to read what: less often where the database takes long.
pub(super) struct Pace {
    interval: Duration,
    of_standby: bool,
    problems: Option<(Instant, Vec<Problem>)>,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Self {
        Pace { interval, of_standby: false, problems: None }
    }

    /// The same for a standby: how old its data are is read too.
    pub(super) fn of_standby(self) -> Self {
        Pace { of_standby: true, ..self }
    }

    /// How long to wait after a look that took so long: it is then at work for a fifth of the time at most.
    pub(super) fn pause(&self, took: Duration) -> Duration {
        self.interval.saturating_sub(took).max(took.saturating_mul(4))
    }

    async fn problems(&mut self, pool: &PgPool) -> Result<Vec<Problem>, Error> {
        if let Some((at, problems)) = &self.problems
            && at.elapsed() < PROBLEMS
        {
            return Ok(problems.clone());
        }
        let problems = inspect::problems(pool).await?;
        self.problems = Some((Instant::now(), problems.clone()));
        Ok(problems)
    }
}

impl Snapshot {
    pub(super) async fn read(pool: &PgPool, database: &str, pace: &mut Pace) -> Result<Self, Error> {
        let counts = inspect::overview_up_to(pool, CAP).await?;
        let ended = inspect::ended_lately(pool, WINDOW).await?;
        let paused = inspect::pauses(pool).await?.into_iter().filter_map(|pause| pause.topic.parse().ok());
        let (workers, problems) = (inspect::workers(pool).await?, pace.problems(pool).await?);
        let paused: Vec<Topic> = paused.collect();
        let standby = if pace.of_standby { inspect::standby(pool).await? } else { None };
        Ok(Snapshot { standby, ..Snapshot::of(database, (counts, &ended), &paused, workers, problems) })
    }

    pub(super) fn of(
        database: &str,
        (counts, ended): (Vec<TaskCounts>, &[EndedLately]),
        paused: &[Topic],
        workers: Vec<WorkerRow>,
        problems: Vec<Problem>,
    ) -> Self {
        let ended: HashMap<&str, &EndedLately> = ended.iter().map(|one| (one.task.as_str(), one)).collect();
        let now = |counts: TaskCounts| {
            let lately = ended.get(counts.task.as_str());
            TaskNow {
                server: None,
                per_second: lately.map_or(0.0, |lately| lately.per_second()),
                failed_per_second: lately.map_or(0.0, |lately| lately.failed_per_second()),
                paused: paused.iter().any(|topic| topic.holds(&counts.task)),
                counts,
            }
        };
        let tasks: Vec<TaskNow> = counts.into_iter().map(now).collect();
        let workers = workers.into_iter().map(|row| Of { server: None, row }).collect::<Vec<_>>();
        let problems = problems.into_iter().map(|row| Of { server: None, row }).collect();
        let totals = Totals::of(&tasks, &workers);
        let (at, database) = (Utc::now(), database.to_owned());
        Snapshot { at, database, standby: None, totals, tasks, workers, problems }
    }
}

impl Snapshot {
    /// One snapshot of those of several servers, each with the server's name.
    pub(super) fn of_all(database: &str, all: Vec<(Option<String>, Snapshot)>) -> Self {
        let (mut tasks, mut workers, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        let mut standby = None;
        for (server, of) in all {
            standby = standby.or(of.standby);
            tasks.extend(of.tasks.into_iter().map(|task| TaskNow { server: server.clone(), ..task }));
            workers.extend(of.workers.into_iter().map(|one| Of { server: server.clone(), ..one }));
            problems.extend(of.problems.into_iter().map(|one| Of { server: server.clone(), ..one }));
        }
        let totals = Totals::of(&tasks, &workers);
        let (at, database) = (Utc::now(), database.to_owned());
        Snapshot { at, database, standby, totals, tasks, workers, problems }
    }
}

impl Totals {
    fn of(tasks: &[TaskNow], workers: &[Of<WorkerRow>]) -> Self {
        let mut totals = Totals { exact: true, ..Totals::default() };
        for TaskNow { counts, per_second, failed_per_second, .. } in tasks {
            totals.ready = totals.ready.saturating_add(counts.ready);
            totals.scheduled = totals.scheduled.saturating_add(counts.scheduled);
            totals.running = totals.running.saturating_add(counts.running);
            totals.per_second += per_second;
            totals.failed_per_second += failed_per_second;
            totals.oldest_ready = totals.oldest_ready.into_iter().chain(counts.oldest_ready).min();
            totals.exact &= counts.exact;
        }
        let Alive { workers, slots, held } = Alive::of(workers);
        Totals { workers, slots, held, ..totals }
    }
}
