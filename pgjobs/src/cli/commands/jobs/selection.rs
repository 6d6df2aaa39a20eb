//! Retries, re-drives or cancels jobs that are named by their ids.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;

use super::refused;
use crate::admin::GRACE;
use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::progress::Progress;
use crate::{Error, JobId, db};

/// Jobs per statement.
const BATCH: usize = 1000;

/// What these commands do to jobs.
#[derive(Clone, Copy)]
pub(crate) enum Action {
    Retry,
    Redrive,
    /// The code of running jobs may go on for so long.
    Cancel {
        grace: Duration,
    },
    Purge,
}

impl Action {
    pub(super) fn of(kind: &str) -> Action {
        match kind {
            "retry" => Action::Retry,
            "redrive" => Action::Redrive,
            "cancel" => Action::Cancel { grace: GRACE },
            _ => Action::Purge,
        }
    }

    pub(super) fn verb(self) -> &'static str {
        match self {
            Action::Retry => "retry",
            Action::Redrive => "re-drive",
            Action::Cancel { .. } => "cancel",
            Action::Purge => "delete",
        }
    }

    /// In words and as a key of the JSON document.
    pub(super) fn done(self) -> &'static str {
        match self {
            Action::Retry => "retried",
            Action::Redrive => "redriven",
            Action::Cancel { .. } => "cancelled",
            Action::Purge => "purged",
        }
    }

    /// Why the action may skip a job.
    fn otherwise(self) -> &'static str {
        match self {
            Action::Retry | Action::Redrive => "not found, or neither failed nor cancelled",
            Action::Cancel { .. } | Action::Purge => "not found, or ended already",
        }
    }
}

/// What was done to named jobs: their ids, the new ids of those that were re-driven, and why some were not.
#[derive(Default)]
struct Done {
    jobs: Vec<JobId>,
    new: Vec<JobId>,
    skips: Vec<String>,
}

impl Done {
    async fn more(
        &mut self,
        action: Action,
        pool: &PgPool,
        jobs: &[JobId],
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let mut connection = pool.acquire().await?;
        match action {
            Action::Redrive => {
                for job in db::admin::edit::redrive(&mut connection, jobs, reason).await? {
                    self.skips.extend(job.skipped);
                    if let Some(new) = job.new_job_id {
                        self.jobs.push(job.job_id);
                        self.new.push(new);
                    }
                }
            }
            Action::Retry => self.jobs.extend(db::admin::retry(&mut connection, jobs, reason).await?),
            Action::Cancel { grace } => {
                self.jobs.extend(db::admin::cancel(&mut connection, jobs, grace, reason).await?);
            }
            Action::Purge => {} // it takes a topic
        }
        Ok(())
    }
}

/// Removes repeated ids.
fn each_once(mut ids: Vec<JobId>) -> Vec<JobId> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

pub(crate) async fn run(
    action: Action,
    ids: Vec<JobId>,
    reason: Option<String>,
    yes: bool,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let ids = each_once(ids);
    let pool = connect(global, console).await?;
    let what = format!("{} {}", action.verb(), format::jobs(ids.len() as u64));
    confirm(&format!("{what}?"), yes, console)?;
    let progress = Progress::bar(console, &what, ids.len() as u64);
    let mut done = Done::default();
    for batch in ids.chunks(BATCH) {
        done.more(action, &pool, batch, reason.as_deref()).await.map_err(refused)?;
        progress.at(done.jobs.len() as u64);
    }
    drop(progress);
    report(action, &done, &ids, console)
}

fn report(action: Action, done: &Done, ids: &[JobId], console: &Console) -> Result<(), Failure> {
    let left: Vec<&JobId> = ids.iter().filter(|id| !done.jobs.contains(id)).collect();
    let count = done.jobs.len() as u64;
    let mut document = json!({ action.done(): count, "left": left });
    if let Action::Redrive = action {
        document["new_job_ids"] = json!(done.new);
        document["reasons"] = json!(done.skips);
    }
    if let [first, ..] = left[..] {
        let more = if left.len() > 1 { format!(" and {} more", left.len() - 1) } else { String::new() };
        let why = done.skips.first().map_or(action.otherwise(), String::as_str);
        let message = format!("{} {}, not {first}{more}: {why}", action.done(), format::jobs(count));
        return Err(Failure::failed(message).about(document));
    }
    console.data(&document, || format!("{} {}", action.done(), format::jobs(count)))
}
