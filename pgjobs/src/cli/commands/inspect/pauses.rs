//! `inspect pauses`: the topics that are paused.

use chrono::Utc;
use serde_json::json;

use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, PauseRow};

pub(super) async fn show(readers: &Readers, console: &Console) -> Result<(), Failure> {
    let pauses = readers.list(async |pool| Ok(inspect::pauses(pool).await?)).await?;
    pauses.away.print(console, &json!({ "pauses": pauses.all }), || list(&pauses.all))
}

fn list(pauses: &[Of<PauseRow>]) -> Vec<String> {
    if pauses.is_empty() {
        return vec!["no topic is paused".to_owned()];
    }
    let now = Utc::now();
    let row = |pause: &PauseRow| {
        let ends = pause.until.map_or_else(|| "when resumed".to_owned(), |until| format::when(until, now));
        let note = pause.note.clone().unwrap_or_default();
        [pause.topic.clone(), format::when(pause.paused_at, now), pause.paused_by.clone(), ends, note]
    };
    table_of(["Topic", "Since", "By", "Ends", "Note"], pauses.iter().map(|pause| pause.cells(row)))
}
