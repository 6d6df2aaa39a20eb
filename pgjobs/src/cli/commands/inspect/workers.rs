//! `inspect workers`: lists workers.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, WorkerRow};

pub(crate) async fn show(readers: &Readers, console: &Console) -> Result<(), Failure> {
    let workers = readers.list(async |pool| Ok(inspect::workers(pool).await?)).await?;
    workers.away.print(console, &json!({ "workers": workers.all }), || list(&workers.all))
}

fn list(workers: &[Of<WorkerRow>]) -> Vec<String> {
    if workers.is_empty() {
        return vec!["no workers".to_owned()];
    }
    let now = Utc::now();
    let header = [
        "Id",
        "Host",
        ">Pid",
        "Version",
        "Topics",
        ">Tasks",
        ">Held",
        ">Slots",
        "Started",
        "Last sign of life",
    ];
    table_of(header, workers.iter().map(|worker| worker.cells(|worker| row(worker, now))))
}

fn row(worker: &WorkerRow, now: DateTime<Utc>) -> [String; 10] {
    let sign = format::when(worker.heartbeat_at, now);
    let state = match (worker.alive, worker.paused_at) {
        (false, _) => ": lost".to_owned(),
        (true, Some(since)) => format!(", paused {}", format::when(since, now)),
        (true, None) => String::new(),
    };
    [
        worker.id.to_string(),
        worker.host.clone(),
        worker.pid.to_string(),
        worker.version.clone(),
        if worker.topics.is_empty() { "*".to_owned() } else { worker.topics.join(" ") },
        worker.tasks.len().to_string(),
        worker.held.to_string(),
        worker.slots.to_string(),
        format::when(worker.started_at, now),
        format!("{sign}{state}"),
    ]
}
