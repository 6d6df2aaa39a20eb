//! How many jobs stand where, and who works.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::console::Console;
use crate::cli::exit::Failure;
use crate::cli::table::table;
use crate::cli::words;
use crate::inspect::{self, TaskCounts, WorkerRow};

/// Counting stops here, over all tasks and for each kind of job.
const CAP: i64 = 100_000;

pub(super) async fn show(pool: &PgPool, watch: Option<Duration>, console: &Console) -> Result<(), Failure> {
    loop {
        let (tasks, workers) = (inspect::overview(pool).await?, inspect::workers(pool).await?);
        if watch.is_some() {
            console.clear()?;
        }
        let document = json!({ "at": Utc::now(), "tasks": tasks, "workers": Crew::of(&workers) });
        console.data(&document, || words(&tasks, &workers))?;
        match watch {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Ok(()),
        }
    }
}

/// The live workers taken together.
#[derive(Serialize)]
struct Crew {
    alive: usize,
    slots: i64,
    held: i64,
}

impl Crew {
    fn of(workers: &[WorkerRow]) -> Self {
        let alive = || workers.iter().filter(|worker| worker.alive);
        Crew {
            alive: alive().count(),
            slots: alive().map(|worker| i64::from(worker.slots)).sum(),
            held: alive().map(|worker| worker.held).sum(),
        }
    }

    fn words(&self) -> String {
        let plural = if self.alive == 1 { "" } else { "s" };
        match self.alive {
            0 => "no worker is alive".to_owned(),
            alive => format!("{alive} worker{plural} alive, {} of {} slots taken", self.held, self.slots),
        }
    }
}

fn words(tasks: &[TaskCounts], workers: &[WorkerRow]) -> String {
    let workers = Crew::of(workers).words();
    if tasks.is_empty() {
        return format!("no jobs\n{workers}");
    }
    let header =
        ["Task", ">Ready", ">Scheduled", ">Running", ">Success", ">Failed", ">Cancelled", "Oldest ready"];
    let capped =
        if is_capped(tasks) { "\ncounting stops at 100,000 of a kind: these are lower bounds" } else { "" };
    format!("{}\n\n{workers}{capped}", table(header, tasks.iter().map(row)))
}

fn row(task: &TaskCounts) -> [String; 8] {
    let oldest = task.oldest_ready.map(|time| words::span((Utc::now() - time).num_seconds()));
    [
        task.task.clone(),
        words::count(task.ready),
        words::count(task.scheduled),
        words::count(task.running),
        words::count(task.success),
        words::count(task.failed),
        words::count(task.cancelled),
        oldest.unwrap_or_else(|| "-".to_owned()),
    ]
}

fn is_capped(tasks: &[TaskCounts]) -> bool {
    let reaches = |count: fn(&TaskCounts) -> i64| tasks.iter().map(count).sum::<i64>() >= CAP;
    reaches(|t| t.ready)
        || reaches(|t| t.scheduled)
        || reaches(|t| t.running)
        || reaches(|t| t.success + t.failed + t.cancelled)
}
