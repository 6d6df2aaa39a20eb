//! What a scenario runs with: an empty database, the plan, and a console for its progress.

use std::time::Duration;

use sqlx::PgPool;

use super::plan::Plan;
use super::scratch::Scratch;
use super::tasks::{Noop, TOPIC};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::progress::Progress;
use crate::{JobState, Topic, inspect};

/// Jobs per statement and commit of a bulk publish.
const CHUNK: u32 = 5000;

pub(crate) struct Stage<'a> {
    pub(crate) scratch: &'a Scratch,
    pub(crate) plan: &'a Plan,
    pub(crate) console: &'a Console,
}

impl Stage<'_> {
    /// Creates a new, migrated database, so that no scenario sees what another one left.
    pub(crate) async fn empty(&self) -> Result<PgPool, Failure> {
        let pool = self.scratch.renew().await?;
        crate::migrate(&pool).await?;
        Ok(pool)
    }

    pub(crate) fn bar(&self, what: &str, length: impl Into<u64>) -> Progress {
        Progress::bar(self.console, what, length.into())
    }

    pub(crate) fn seconds(&self) -> Duration {
        Duration::from_secs(self.plan.seconds.into())
    }

    /// Publishes the planned number of no-op jobs.
    pub(crate) async fn publish_in_bulk(&self, pool: &PgPool) -> Result<(), Failure> {
        let jobs = self.plan.jobs;
        let progress = self.bar("publishing in bulk", jobs);
        let mut connection = pool.acquire().await?;
        for done in (0..jobs).step_by(CHUNK as usize) {
            let chunk = CHUNK.min(jobs - done);
            crate::publish_all(&mut connection, (0..chunk).map(|_| Noop {})).await?;
            progress.at(u64::from(done + chunk));
        }
        Ok(())
    }
}

/// The number of pending and running jobs; the database counts to a million of each.
pub(crate) async fn open(pool: &PgPool) -> Result<i64, Failure> {
    Ok(count(pool, JobState::Pending).await? + count(pool, JobState::Running).await?)
}

/// Fails unless the history has every job as a success: otherwise the figure does not count.
pub(crate) async fn all_succeeded(pool: &PgPool, jobs: u64) -> Result<(), Failure> {
    let ended = count(pool, JobState::Success).await?;
    if ended.unsigned_abs() < jobs.min(1_000_000) {
        return Err(Failure::failed(format!(
            "of {jobs} jobs only {ended} ended as a success: the figure is void"
        )));
    }
    Ok(())
}

async fn count(pool: &PgPool, state: JobState) -> Result<i64, Failure> {
    let every: Topic = TOPIC.parse()?;
    Ok(inspect::count(pool, state, &every).await?)
}
