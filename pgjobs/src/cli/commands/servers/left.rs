//! What a server still has, which decides whether it may be removed.

use serde::Serialize;
use sqlx::PgPool;

use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::inspect::{self, WorkflowFilter};
use crate::{JobState, Topic, schedule};

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
}

impl Left {
    pub(super) async fn count(pool: &PgPool) -> Result<Self, Failure> {
        let every: Topic = "*".parse().map_err(|error| Failure::failed(format!("{error}")))?;
        let ended = |task: &inspect::TaskCounts| task.success + task.failed + task.cancelled;
        Ok(Left {
            pending: inspect::count(pool, JobState::Pending, &every).await?,
            running: inspect::count(pool, JobState::Running, &every).await?,
            workflows: open_workflows(pool).await?,
            schedules: schedule::list(pool, "*").await?.len(),
            ended: inspect::overview(pool).await?.iter().map(ended).sum(),
        })
    }

    /// Whether no job would be lost with it.
    pub(super) fn is_empty(&self) -> bool {
        self.pending == 0 && self.running == 0 && self.workflows == 0
    }

    pub(super) fn in_words(&self) -> String {
        let workflows = match self.workflows {
            0 => String::new(),
            n => format!(", {n} workflow{} open", if n == 1 { "" } else { "s" }),
        };
        format!("{} pending, {} running{workflows}", format::count(self.pending), format::count(self.running))
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

/// Those that go on, and those that failed and may be retried.
async fn open_workflows(pool: &PgPool) -> Result<usize, Failure> {
    let mut open = 0;
    for state in ["running", "compensating", "failed"] {
        let filter =
            WorkflowFilter { state: Some(state.to_owned()), limit: MOST, ..WorkflowFilter::default() };
        open += inspect::workflows(pool, &filter).await.map_err(Failure::refused)?.len();
    }
    Ok(open)
}
