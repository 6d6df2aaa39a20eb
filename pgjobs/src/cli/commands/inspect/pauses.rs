//! `inspect pauses`: the topics that are paused.

use chrono::Utc;
use serde_json::json;
use sqlx::PgPool;

use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table;
use crate::inspect::{self, PauseRow};

pub(super) async fn show(pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let pauses = inspect::pauses(pool).await?;
    console.data(&json!({ "pauses": pauses }), || list(&pauses))
}

fn list(pauses: &[PauseRow]) -> Vec<String> {
    if pauses.is_empty() {
        return vec!["no topic is paused".to_owned()];
    }
    let now = Utc::now();
    let row = |pause: &PauseRow| {
        let ends = pause.until.map_or_else(|| "when resumed".to_owned(), |until| format::when(until, now));
        let note = pause.note.clone().unwrap_or_default();
        [pause.topic.clone(), format::when(pause.paused_at, now), pause.paused_by.clone(), ends, note]
    };
    table(["Topic", "Since", "By", "Ends", "Note"], pauses.iter().map(row))
}
