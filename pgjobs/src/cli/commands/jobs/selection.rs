//! Retries or cancels selected jobs.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sqlx::PgPool;

use super::{Count, refused};
use crate::cli::args::global::Global;
use crate::cli::database::connect::connect;
use crate::cli::output::confirm::confirm;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::progress::Progress;
use crate::inspect::{self, JobFilter};
use crate::{Error, JobId, JobState, Topic, admin};

/// Jobs per statement.
const BATCH: u16 = 1000;

pub(crate) enum BulkAction {
    Retry,
    Cancel { grace: Duration, reason: Option<String> },
}

impl BulkAction {
    fn verb(&self) -> &'static str {
        match self {
            BulkAction::Retry => "retry",
            BulkAction::Cancel { .. } => "cancel",
        }
    }

    fn done(&self) -> &'static str {
        match self {
            BulkAction::Retry => "retried",
            BulkAction::Cancel { .. } => "cancelled",
        }
    }

    /// Why the action may skip a job.
    fn otherwise(&self) -> &'static str {
        match self {
            BulkAction::Retry => "not found, or neither failed nor cancelled",
            BulkAction::Cancel { .. } => "not found, or ended already",
        }
    }

    async fn run(&self, pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobId>, Error> {
        match self {
            BulkAction::Retry => admin::retry(pool, jobs).await,
            BulkAction::Cancel { grace, reason } => {
                admin::cancel(pool, jobs).grace(*grace).maybe_reason(reason.as_deref()).await
            }
        }
    }
}

/// The jobs to act on.
pub(crate) enum Selection {
    Ids(Vec<JobId>),
    Topic { topic: Topic, states: Vec<JobState> },
}

impl Selection {
    pub(crate) fn new(ids: Vec<JobId>, topic: Option<Topic>, states: Vec<JobState>) -> Self {
        match topic {
            Some(topic) => Selection::Topic { topic, states },
            None => Selection::Ids(each_once(ids)),
        }
    }

    async fn count(&self, pool: &PgPool) -> Result<Count, Failure> {
        let Selection::Topic { topic, states } = self else {
            return Ok(Count { jobs: self.ids().len() as u64, exact: true });
        };
        let mut count = Count::NONE;
        for state in states {
            count = count.and(Count::of(pool, *state, topic).await?);
        }
        Ok(count)
    }

    fn ids(&self) -> &[JobId] {
        match self {
            Selection::Ids(ids) => ids,
            Selection::Topic { .. } => &[],
        }
    }

    fn question(&self, act: &BulkAction, count: Count) -> String {
        match self {
            Selection::Ids(_) => format!("{} {}?", act.verb(), count.render()),
            Selection::Topic { topic, states } => {
                let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
                format!("{} {} ({}) under `{topic}`?", act.verb(), count.render(), states.join(" and "))
            }
        }
    }
}

/// Removes repeated ids.
fn each_once(mut ids: Vec<JobId>) -> Vec<JobId> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

pub(crate) async fn run(
    act: &BulkAction,
    chosen: Selection,
    yes: bool,
    global: &Global,
    console: &Console,
) -> Result<(), Failure> {
    let pool = connect(global, console).await?;
    let count = chosen.count(&pool).await?;
    if count.jobs > 0 {
        confirm(&chosen.question(act, count), yes, console)?;
    }
    let progress = Progress::of(console, &format!("{} {}", act.verb(), count.render()), count.length());
    let done = match &chosen {
        Selection::Ids(ids) => listed(act, &pool, ids, &progress).await?,
        Selection::Topic { topic, states } => found(act, &pool, topic, states, &progress).await?,
    };
    drop(progress);
    report(act, &done, chosen.ids(), console)
}

async fn listed(
    act: &BulkAction,
    pool: &PgPool,
    ids: &[JobId],
    progress: &Progress,
) -> Result<Vec<JobId>, Failure> {
    let mut done = Vec::new();
    for batch in ids.chunks(usize::from(BATCH)) {
        done.extend(act.run(pool, batch).await.map_err(refused)?);
        progress.at(done.len() as u64);
    }
    Ok(done)
}

/// Goes from the newest job to the oldest. A job that fails again, or is published meanwhile, is newer than
/// the current position or already behind it. So no job is taken twice and the loop ends.
async fn found(
    act: &BulkAction,
    pool: &PgPool,
    topic: &Topic,
    states: &[JobState],
    progress: &Progress,
) -> Result<Vec<JobId>, Failure> {
    let mut done = Vec::new();
    for &state in states {
        let mut filter =
            JobFilter { state: Some(state), topic: Some(topic.clone()), before: None, num: BATCH };
        loop {
            let page: Vec<JobId> = inspect::jobs(pool, &filter)
                .await
                .map_err(refused)?
                .into_iter()
                .map(|job| job.job_id)
                .collect();
            let Some(last) = page.last().cloned() else { break };
            done.extend(act.run(pool, &page).await.map_err(refused)?);
            progress.at(done.len() as u64);
            filter.before = Some(last);
        }
    }
    Ok(done)
}

fn report(act: &BulkAction, done: &[JobId], args: &[JobId], console: &Console) -> Result<(), Failure> {
    let left: Vec<&JobId> = args.iter().filter(|id| !done.contains(id)).collect();
    let count = done.len() as u64;
    let document = json!({ act.done(): count, "left": left });
    if let [first, ..] = left[..] {
        let more = if left.len() > 1 { format!(" and {} more", left.len() - 1) } else { String::new() };
        let message =
            format!("{} {}, not {first}{more}: {}", act.done(), format::jobs(count), act.otherwise());
        return Err(Failure::failed(message).about(document));
    }
    console.data(&document, || format!("{} {}", act.done(), format::jobs(count)))
}
