//! The times of a job: when it was due, and when its claim brought it.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::Job;

/// The times of the claim that took a job: between them and the start of its run, metrics and `pgjobs bench
/// latency --stages` see where a pick-up spends its time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimTimes {
    /// When a notification woke the worker; `None`: it claimed without one.
    pub(crate) notified: Option<Instant>,
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
}

impl Job {
    /// When it was published.
    pub fn created_at(&self) -> DateTime<Utc> {
        self.claimed.created_at
    }

    /// When it was claimed for this attempt.
    pub fn run_at(&self) -> DateTime<Utc> {
        self.claimed.run_at
    }

    /// Since when it could run, had a worker been free: when it was published, or the later time for which it
    /// was scheduled. For a run after a failure or a snooze: when that run was due.
    ///
    /// By the clock of the database, as all times of a job.
    pub fn due_at(&self) -> DateTime<Utc> {
        self.claimed.scheduled_at.map_or(self.created_at(), |at| at.max(self.created_at()))
    }

    /// When its first run was due, as far as that is known: a retry replaces the time for which a job was
    /// scheduled, and so it counts from when it was published.
    pub(crate) fn first_due_at(&self) -> DateTime<Utc> {
        if self.retries() > 0 { self.created_at() } else { self.due_at() }
    }

    pub(crate) fn times(&self) -> ClaimTimes {
        self.times
    }
}
