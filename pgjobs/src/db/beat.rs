//! The beat: the one call with which a worker says that it lives, reports, and learns what it is told.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::worker::{RunKey, Told};
use crate::types::command::CommandState;
use crate::types::error::Error;

/// What a worker reports with a beat.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) told: Told,
    /// How far its runs are, as `jobs._note_progress` takes it.
    pub(crate) progress: Option<Value>,
    pub(crate) receipts: Vec<Answered>,
    /// What commands have changed, when the database does not know it yet.
    pub(crate) status: Option<Status>,
}

/// What a worker answers to a command.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answered {
    pub(crate) id: i64,
    pub(crate) state: CommandState,
    pub(crate) answer: String,
}

/// What a command may change of how a worker has registered.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Status {
    pub(crate) paused: bool,
    pub(crate) slots: usize,
}

/// What the database answers to a beat.
#[derive(Default)]
pub(crate) struct Heard {
    /// False: the worker was declared dead.
    pub(crate) alive: bool,
    pub(crate) commands: Vec<Received>,
    /// Nobody will announce commands.
    pub(crate) polls: bool,
}

/// A command as its worker receives it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Received {
    pub(crate) id: i64,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) details: Value,
    #[serde(default)]
    pub(crate) who: String,
    pub(crate) reason: Option<String>,
    /// Seconds until the worker must not begin with it any more.
    pub(crate) expires_in: f64,
}

/// The details of a cancel.
#[derive(Debug, Deserialize)]
pub(crate) struct Cancelled {
    /// Seconds.
    pub(crate) grace: f64,
    /// The runs: batch indexes by lease.
    runs: HashMap<Uuid, Vec<i32>>,
}

impl Cancelled {
    pub(crate) fn runs(&self) -> impl Iterator<Item = RunKey> {
        self.runs.iter().flat_map(|(lease, indexes)| indexes.iter().map(|index| (*lease, *index)))
    }
}

const BEAT: &str =
    "select b.alive, b.commands::text, b.polls from jobs.beat($1, $2, $3, $4, $5, $6, $7, $8) b";

pub(crate) async fn beat(
    connection: &mut PgConnection,
    worker: Uuid,
    report: &Report,
) -> Result<Heard, Error> {
    let leases = |runs: &[RunKey]| runs.iter().map(|(lease, _)| *lease).collect::<Vec<_>>();
    let batch_indexes =
        |runs: &[RunKey]| runs.iter().map(|(_, batch_index)| *batch_index).collect::<Vec<_>>();
    let row = sqlx::query(BEAT)
        .bind(worker)
        .bind(leases(&report.told.late))
        .bind(batch_indexes(&report.told.late))
        .bind(leases(&report.told.started))
        .bind(batch_indexes(&report.told.started))
        .bind(report.progress.as_ref().map(Json))
        .bind((!report.receipts.is_empty()).then_some(Json(&report.receipts)))
        .bind(report.status.map(Json))
        .fetch_one(connection)
        .await?;
    Ok(Heard {
        alive: row.try_get(0)?,
        commands: commands(row.try_get(1)?),
        polls: row.try_get::<Option<bool>, _>(2)?.unwrap_or_default(),
    })
}

/// What cannot be read stays in the database and expires there: a beat must not fail for it.
fn commands(text: Option<&str>) -> Vec<Received> {
    let Some(text) = text else { return Vec::new() };
    serde_json::from_str(text).unwrap_or_else(|error| {
        tracing::error!(%error, "commands to this worker cannot be read; they expire");
        Vec::new()
    })
}
