//! `servers list`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::args::global::Global;
use crate::cli::database::readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::table::table;
use crate::cli::output::{format, redact};
use crate::inspect::{self, Draining, TaskCounts};
use crate::migrations;
use crate::types::server_name::MAIN;

/// One server.
#[derive(Serialize)]
struct Row {
    server: String,
    /// `up`, `draining` or `away`.
    state: &'static str,
    /// Why it is away.
    reason: Option<String>,
    #[serde(flatten)]
    seen: Option<Seen>,
}

/// What a server says of itself.
#[derive(Serialize)]
struct Seen {
    draining: Option<Draining>,
    /// The version of PostgreSQL.
    postgres: String,
    /// How many migrations are not applied; unknown to who may not see it.
    migrations_pending: Option<usize>,
    ready: i64,
    running: i64,
    /// Whether the counts are exact; otherwise there are at least so many.
    exact: bool,
    oldest_ready: Option<DateTime<Utc>>,
    /// Workers that live.
    workers: usize,
}

pub(super) async fn run(global: &Global, console: &Console) -> Result<(), Failure> {
    let readers = readers::chosen(global, console).await?;
    let rows: Vec<Row> = readers.ask_each(see).await.into_iter().map(row).collect();
    console.data(&json!({ "servers": rows }), || lines(&rows))?;
    match rows.iter().any(|row| row.seen.is_some()) {
        true => Ok(()),
        false => Err(Failure::printed_database("no server answers")),
    }
}

async fn see(pool: &PgPool) -> Result<Seen, Failure> {
    let counts = inspect::overview(pool).await?;
    let sum = |of: fn(&TaskCounts) -> i64| counts.iter().map(of).fold(0, i64::saturating_add);
    Ok(Seen {
        draining: inspect::draining(pool).await?,
        postgres: sqlx::query_scalar("select current_setting('server_version')").fetch_one(pool).await?,
        migrations_pending: migrations::pending(pool).await.ok().map(|pending| pending.len()),
        ready: sum(|task| task.ready),
        running: sum(|task| task.running),
        exact: counts.iter().all(|task| task.exact),
        oldest_ready: counts.iter().filter_map(|task| task.oldest_ready).min(),
        workers: inspect::workers(pool).await?.iter().filter(|worker| worker.alive).count(),
    })
}

fn row((server, seen): (Option<String>, Result<Seen, Failure>)) -> Row {
    let server = server.unwrap_or_else(|| MAIN.to_owned());
    match seen {
        Ok(seen) => {
            let state = if seen.draining.is_some() { "draining" } else { "up" };
            Row { server, state, reason: None, seen: Some(seen) }
        }
        Err(failure) => {
            Row { server, state: "away", reason: Some(redact::hide(failure.message())), seen: None }
        }
    }
}

fn lines(rows: &[Row]) -> Vec<String> {
    let header = [
        "!Server",
        "State",
        "PostgreSQL",
        "Schema",
        ">Ready",
        ">Running",
        "Oldest ready",
        ">Workers",
        "About",
    ];
    table(header, rows.iter().map(cells))
}

fn cells(row: &Row) -> [String; 9] {
    let now = Utc::now();
    let none = || "-".to_owned();
    let Some(seen) = &row.seen else {
        let reason = row.reason.clone().unwrap_or_default();
        return [
            row.server.clone(),
            row.state.to_owned(),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
            reason,
        ];
    };
    let count = |number: i64| format::counted(number, seen.exact || number == 0);
    let schema = match seen.migrations_pending {
        Some(0) => "of this release".to_owned(),
        Some(pending) => format!("{pending} behind"),
        None => none(),
    };
    let about = seen.draining.as_ref().map(|draining| {
        let note = draining.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        format!("since {} by {}{note}", format::when(draining.since, now), draining.actor)
    });
    [
        row.server.clone(),
        row.state.to_owned(),
        seen.postgres.clone(),
        schema,
        count(seen.ready),
        count(seen.running),
        seen.oldest_ready.map_or_else(none, |at| format::span((now - at).num_seconds())),
        seen.workers.to_string(),
        about.unwrap_or_default(),
    ]
}
