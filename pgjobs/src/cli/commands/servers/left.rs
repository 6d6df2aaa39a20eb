//! What a server still has, which decides whether it may be removed.

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::inspect::{self, WorkflowFilter};
use crate::{JobState, Topic, db, schedule};

/// What is counted of workflows and schedules.
const MOST: u16 = 1000;

/// What a server still has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Left {
    /// Jobs that wait: ready, scheduled, or kept back.
    pub(super) pending: i64,
    pub(super) running: i64,
    /// Workflows that have not ended, or can be retried; counted to 1,000.
    pub(super) workflows: usize,
    /// Schedules, which publish more jobs here.
    pub(super) schedules: usize,
    /// Jobs in history, at least so many.
    pub(super) ended: i64,
    /// Whether all publishers that route by key have learned that it is draining.
    pub(super) known: bool,
}

/// Publishers look every five seconds, and what was under way at a look is in the database with the next.
const KNOWN: TimeDelta = TimeDelta::seconds(10);

impl Left {
    pub(super) async fn count(pool: &PgPool) -> Result<Self, Failure> {
        let ended = |task: &inspect::TaskCounts| task.success + task.failed + task.cancelled;
        let schedules = schedule::list(pool, "*").await?.len();
        let ended = inspect::overview(pool).await?.iter().map(ended).sum();
        let open = Open::count(pool).await?;
        let Open { pending, running, workflows, since } = open;
        Ok(Left {
            pending,
            running,
            workflows,
            schedules,
            ended,
            known: since.is_some_and(|since| since >= KNOWN),
        })
    }

    /// Whether no job would be lost with it.
    pub(super) fn is_empty(&self) -> bool {
        self.known && self.pending == 0 && self.running == 0 && self.workflows == 0
    }

    pub(super) fn in_words(&self) -> String {
        let workflows = match self.workflows {
            0 => String::new(),
            n => format!(", {n} workflow{} open", if n == 1 { "" } else { "s" }),
        };
        let (pending, running) = (format::count(self.pending), format::count(self.running));
        let known = if self.known { "" } else { "; not every publisher may know yet that it is draining" };
        format!("{pending} pending, {running} running{workflows}{known}")
    }

    /// What is gone with the server.
    pub(super) fn remains(&self) -> String {
        let schedules = match self.schedules {
            0 => "no schedule".to_owned(),
            1 => "1 schedule".to_owned(),
            n => format!("{n} schedules"),
        };
        format!("{schedules} and the history of {}", format::jobs(self.ended.unsigned_abs()))
    }
}

/// What is open at one moment: a job that a retry moves from running to pending is in one of both.
struct Open {
    pending: i64,
    running: i64,
    workflows: usize,
    /// For how long it has been draining.
    since: Option<TimeDelta>,
}

impl Open {
    async fn count(pool: &PgPool) -> Result<Self, Failure> {
        let every: Topic = "*".parse().map_err(|error| Failure::failed(format!("{error}")))?;
        let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
        let now = db::inspect::now(&mut tx).await?;
        let draining = db::server_state::draining(&mut tx).await?;
        let open = Open {
            pending: db::admin::count(&mut tx, JobState::Pending, &every).await?,
            running: db::admin::count(&mut tx, JobState::Running, &every).await?,
            workflows: open_workflows(&mut tx).await?,
            since: draining.map(|draining| now - draining.since),
        };
        tx.commit().await?;
        Ok(open)
    }
}

/// Those that go on, and those that failed and may be retried.
async fn open_workflows(connection: &mut PgConnection) -> Result<usize, Failure> {
    let mut open = 0;
    for state in ["running", "compensating", "failed"] {
        let filter =
            WorkflowFilter { state: Some(state.to_owned()), limit: MOST, ..WorkflowFilter::default() };
        open += db::workflow_read::workflows(connection, &filter).await.map_err(Failure::refused)?.len();
    }
    Ok(open)
}
