//! A job, as the model and the database both know it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sqlx::types::Uuid;

pub(super) type Micros = i64;
pub(super) const SECOND: Micros = 1_000_000;

/// Jobs by their number.
pub(super) type Jobs = BTreeMap<i64, Job>;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Job {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) task: String,
    pub(super) priority: i32,
    /// In seconds.
    pub(super) timeout: i64,
    pub(super) retries: i32,
    pub(super) max_retries: i32,
    pub(super) attempt: i32,
    pub(super) scheduled_at: Option<Micros>,
    pub(super) traceback: Option<String>,
    /// Its position in the queue; of a running job, the one to which a release returns it.
    pub(super) ready_seq: Option<i64>,
    pub(super) state: State,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// In the row of this number, by itself or packed with others.
    Pending {
        row: i64,
    },
    Running(Run),
    Ended(End),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) lease: Uuid,
    pub(super) batch_index: i32,
    pub(super) worker: Option<Uuid>,
    pub(super) run_at: Micros,
    pub(super) expires_at: Micros,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct End {
    pub(super) status: String,
    pub(super) lease: Option<Uuid>,
    pub(super) worker: Option<Uuid>,
    pub(super) run_at: Option<Micros>,
    pub(super) at: Micros,
    pub(super) result: Option<i64>,
}

impl Job {
    pub(super) fn run(&self) -> Option<&Run> {
        match &self.state {
            State::Running(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn end(&self) -> Option<&End> {
        match &self.state {
            State::Ended(end) => Some(end),
            _ => None,
        }
    }

    pub(super) fn row(&self) -> Option<i64> {
        match self.state {
            State::Pending { row } => Some(row),
            _ => None,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.row().is_some()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.is_pending() && self.ready_seq.is_some()
    }

    /// Its turn: greater priority first, then what was released, then by ready_seq.
    pub(super) fn turn(&self) -> (Reverse<i32>, i64) {
        (Reverse(self.priority), self.ready_seq.unwrap_or(i64::MAX))
    }

    pub(super) fn status(&self) -> &str {
        match &self.state {
            State::Pending { .. } => "pending",
            State::Running(_) => "running",
            State::Ended(end) => &end.status,
        }
    }
}

/// Whether a task falls under a topic; wildcards stand at the end only.
pub(super) fn falls_under(task: &str, topic: &str) -> bool {
    match topic.strip_suffix(['*', '%']) {
        Some(prefix) => task.starts_with(prefix),
        None => task == topic,
    }
}
