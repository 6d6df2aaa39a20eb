//! How the progress and the log of a job are shown.

use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::cli::output::format;
use crate::inspect::StepRow;
use crate::types::text::shown;
use crate::{LogLine, Progress};

/// `40 of 100 (40 %), invoices.csv`
pub(super) fn progress(progress: &Progress) -> String {
    let total = progress.total.map(|total| format!(" of {total}")).unwrap_or_default();
    let part =
        progress.fraction().map(|part| format!(" ({:.0} %)", (part * 100.0).floor())).unwrap_or_default();
    let note = progress.note.as_ref().map(|note| format!(", {}", shown(note))).unwrap_or_default();
    format!("{}{total}{part}{note}", progress.done)
}

/// `12:30:00.123 step charge done, 12 bytes`, `12:30:00.123 sleep cool off sleeping until …`
pub(super) fn step(step: &StepRow, now: DateTime<Utc>) -> String {
    let StepRow { name, kind, state, bytes, .. } = step;
    let more = match (state.as_str(), step.until) {
        ("sleeping" | "waiting", Some(until)) => format!(" {}", format::until(until, now)),
        _ if *bytes > 0 => format!(", {bytes} bytes"),
        _ => String::new(),
    };
    format!("{} {kind} {} {state}{more}", clock(step.saved_at), shown(name))
}

/// `12:30:00.123 INFO  shop::import: read lines=40`
pub(super) fn line(line: &LogLine) -> String {
    let fields = line.fields.as_deref().map(fields).unwrap_or_default();
    let LogLine { level, target, message, .. } = line;
    let text = format!("{:<5} {target}: {message}{fields}", level.to_uppercase());
    format!("{} {}", clock(line.at), shown(&text)) // on one line, whatever it holds
}

pub(super) fn clock(time: DateTime<Utc>) -> String {
    time.format("%H:%M:%S%.3f").to_string()
}

/// The fields as the log on a terminal shows them; their JSON where it is not an object.
fn fields(json: &RawValue) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(json.get()) {
        Ok(fields) => fields.iter().map(|(name, value)| format!(" {name}={value}")).collect(),
        Err(_) => format!(" {}", json.get()),
    }
}
