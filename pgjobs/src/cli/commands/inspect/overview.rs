//! `inspect`: the number of jobs of each task in each state, and the live workers.

use std::time::Duration;

use chrono::Utc;
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::commands::alive::Alive;
use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::redact;
use crate::cli::output::table::table_of;
use crate::inspect::{self, TaskCounts, WorkerRow};

pub(crate) async fn show(
    readers: &Readers,
    watch: Option<Duration>,
    console: &Console,
) -> Result<(), Failure> {
    loop {
        let look = async |pool: &PgPool| Ok((inspect::overview(pool).await?, inspect::workers(pool).await?));
        let (answers, away) = readers.ask(look).await?.apart();
        let (tasks, workers) = together(answers);
        if watch.is_some() {
            console.clear()?;
        }
        let document = json!({ "at": Utc::now(), "tasks": tasks, "workers": WorkerTotals::of(&workers) });
        let printed = away.print(console, &document, || render(&tasks, &workers));
        match watch {
            Some(_) if console.is_unread() => return Ok(()),
            // A server that is away may be back at the next look.
            Some(pause) => {
                unless_partial(printed, console)?;
                tokio::time::sleep(pause).await;
            }
            None => return printed,
        }
    }
}

/// A server that is away is warned of, and no end.
fn unless_partial(printed: Result<(), Failure>, console: &Console) -> Result<(), Failure> {
    match printed {
        Err(failure) if failure.is_partial() => console.warning(&redact::hide(failure.message())),
        printed => printed?,
    }
    Ok(())
}

/// The name of a server, where there are several, and what it has.
type Answer = (Option<String>, (Vec<TaskCounts>, Vec<WorkerRow>));

/// The tasks and the workers with their servers.
fn together(answers: Vec<Answer>) -> (Vec<Of<TaskCounts>>, Vec<Of<WorkerRow>>) {
    let (mut all, mut workers) = (Vec::new(), Vec::new());
    for (server, (tasks, of)) in answers {
        all.extend(tasks.into_iter().map(|row| Of { server: server.clone(), row }));
        workers.extend(of.into_iter().map(|row| Of { server: server.clone(), row }));
    }
    (all, workers)
}

/// Totals over the live workers.
#[derive(Serialize)]
struct WorkerTotals {
    alive: usize,
    slots: i64,
    held: i64,
}

impl WorkerTotals {
    fn of(workers: &[Of<WorkerRow>]) -> Self {
        let Alive { workers: alive, slots, held } = Alive::of(workers);
        WorkerTotals { alive, slots, held }
    }

    fn render(&self) -> String {
        let plural = if self.alive == 1 { "" } else { "s" };
        match self.alive {
            0 => "no worker is alive".to_owned(),
            alive => format!(
                "{alive} worker{plural} alive, {} held in {} slots",
                format::jobs(self.held.unsigned_abs()),
                self.slots
            ),
        }
    }
}

fn render(tasks: &[Of<TaskCounts>], workers: &[Of<WorkerRow>]) -> Vec<String> {
    let workers = WorkerTotals::of(workers).render();
    if tasks.is_empty() {
        return vec!["no jobs".to_owned(), workers];
    }
    let header =
        ["Task", ">Ready", ">Scheduled", ">Running", ">Success", ">Failed", ">Cancelled", "Oldest ready"];
    let mut lines = table_of(header, tasks.iter().map(|task| task.cells(row)));
    lines.extend([String::new(), workers]);
    if tasks.iter().any(|task| !task.row.exact) {
        lines.push("+ at least so many: counting stopped there".to_owned());
    }
    lines
}

fn row(task: &TaskCounts) -> [String; 8] {
    let oldest = task.oldest_ready.map(|time| format::span((Utc::now() - time).num_seconds()));
    // Which count reached the cap is not known. Each is correct as a lower bound, and a 0 was not cut off.
    let count = |number: i64| format::counted(number, task.exact || number == 0);
    [
        task.task.clone(),
        count(task.ready),
        count(task.scheduled),
        count(task.running),
        count(task.success),
        count(task.failed),
        count(task.cancelled),
        oldest.unwrap_or_else(|| "-".to_owned()),
    ]
}
