//! `inspect job`: everything that the database knows about one job.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::value::RawValue;

use super::said;
use crate::cli::database::readers::Readers;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::lines::{Line, Style, indented};
use crate::inspect::{self, JobRow, Reason, StepRow};
use crate::types::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use crate::{JobId, JobState, LogLine, Progress};

/// The column at which values begin, after their names.
const COLUMN: usize = 17;

/// Everything that is shown.
#[derive(Serialize)]
struct Shown {
    /// Where it is, of several servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(flatten)]
    job: JobRow,
    /// The trace that it was published in.
    trace_id: Option<String>,
    /// Of each run that reported any, the newest last.
    progress: Vec<Progress>,
    /// What it has recorded.
    steps: Vec<StepRow>,
    /// The last lines.
    log: Vec<LogLine>,
}

pub(crate) async fn show(
    readers: &Readers,
    id: &JobId,
    lines: u16,
    console: &Console,
) -> Result<(), Failure> {
    let (server, pool) = &readers.holder_of_job(id).await?;
    let job = inspect::job(pool, id).await?;
    let reasons = inspect::explain(pool, id).await?;
    let (progress, log) = (inspect::progress(pool, id).await?, inspect::log(pool, id, None, lines).await?);
    let steps = inspect::steps(pool, id).await?;
    let trace = job.meta.as_deref().and_then(|meta| TraceContext::of(meta.get()));
    let server = server.clone();
    let shown = Shown { server, trace_id: trace.map(|trace| trace.trace_id()), job, progress, steps, log };
    console.data(&shown, || describe(&shown, &reasons))
}

fn describe(shown: &Shown, reasons: &[Reason]) -> Vec<Line> {
    let Shown { job, progress, steps, log, .. } = shown;
    let mut lines = named("Job", Some(job.job_id.to_string()));
    lines.extend(named("Server", shown.server.clone()));
    lines.extend(named("Task", Some(job.task.clone())));
    lines.push(Line::from(label("State")).paint(style(job.state), job.state.as_str()));
    let mut say = |name: &str, value: Option<String>| lines.extend(named(name, value));
    let part = reasons.iter().find(|reason| reason.code == "part_of_workflow");
    say("Why", reasons.first().map(|reason| reason.message.clone()));
    say("Part of", part.map(|reason| reason.message.clone()));
    say("Starts", Some(job.attempt.to_string()));
    say("Failed attempts", Some(format!("{} of {}", job.failed_attempts(), job.max_retries)));
    say("Priority", Some(job.priority.to_string()));
    say("Timeout", Some(format!("{} s", job.timeout)));
    say("Published", Some(time(job.created_at)));
    say("Scheduled", job.scheduled_at.map(time));
    say("Last start", job.run_at.map(time));
    say("Ended", job.complete_on.map(time));
    say("Worker", job.worker.map(|id| id.to_string()));
    say(
        "Progress",
        progress
            .last()
            .map(|last| format!("{} ({})", said::progress(last), format::when(last.at, Utc::now()))),
    );
    let recorded = steps.iter().map(|step| said::step(step, Utc::now()));
    say("Steps", (!steps.is_empty()).then(|| recorded.collect::<Vec<_>>().join("\n")));
    say("Trace", shown.trace_id.clone());
    say("Meta", notes(shown).map(|meta| pretty(&meta)));
    say("Arguments", job.body.as_deref().map(pretty));
    say("Result", job.result.as_deref().map(pretty));
    say("Not shown", job.unreadable.clone());
    say("Last error", job.traceback.clone());
    say("Log", (!log.is_empty()).then(|| log.iter().map(said::line).collect::<Vec<_>>().join("\n")));
    lines
}

/// The notes of its publisher, without those that are shown as its trace.
fn notes(shown: &Shown) -> Option<Box<RawValue>> {
    let meta = shown.job.meta.as_deref()?;
    if shown.trace_id.is_none() {
        return Some(meta.to_owned());
    }
    let mut notes: BTreeMap<String, &RawValue> = serde_json::from_str(meta.get()).ok()?;
    notes.retain(|key, _| key != TRACEPARENT && key != TRACESTATE);
    let notes = (!notes.is_empty()).then_some(notes)?;
    serde_json::value::to_raw_value(&notes).ok()
}

/// A name and its value, on as many lines as the value has; no line if there is no value.
fn named(name: &str, value: Option<String>) -> Vec<Line> {
    let lines = value.iter().flat_map(|value| indented(value, COLUMN)).enumerate();
    lines
        .map(|(nth, line)| if nth == 0 { Line::from(label(name) + &line) } else { Line::from(line) })
        .collect()
}

fn label(name: &str) -> String {
    format!("{name:<COLUMN$}")
}

fn style(state: JobState) -> Style {
    match state {
        JobState::Success => Style::Green,
        JobState::Failed => Style::Red,
        JobState::Running => Style::Cyan,
        _ => Style::Yellow,
    }
}

fn time(time: DateTime<Utc>) -> String {
    format!("{} ({})", time.format("%Y-%m-%d %H:%M:%S%.3f UTC"), format::when(time, Utc::now()))
}

/// JSON on several lines, each number as the database writes it. Below `DEEPEST` levels, and where a JSON
/// library cannot parse it, the text is unchanged.
fn pretty(json: &RawValue) -> String {
    let mut text = String::new();
    write(&mut text, json.get(), 0);
    text
}

const DEEPEST: usize = 50;

fn write(text: &mut String, json: &str, depth: usize) {
    let parts = if depth < DEEPEST { parts(json) } else { None };
    match parts.filter(|parts| !parts.is_empty()) {
        None => text.push_str(json),
        Some(parts) => {
            let (open, close) = if json.starts_with('[') { ('[', ']') } else { ('{', '}') };
            let indentation = "  ".repeat(depth);
            text.push(open);
            for (nth, (name, value)) in parts.into_iter().enumerate() {
                text.push_str(if nth == 0 { "\n  " } else { ",\n  " });
                text.push_str(&indentation);
                text.push_str(&name);
                write(text, value.get(), depth + 1);
            }
            text.push('\n');
            text.push_str(&indentation);
            text.push(close);
        }
    }
}

/// The values of an array, or the values of an object with their names; `None` for anything else.
fn parts(json: &str) -> Option<Vec<(String, &RawValue)>> {
    if json.starts_with('[') {
        let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        return Some(values.into_iter().map(|value| (String::new(), value)).collect());
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let name = |name: &String| serde_json::to_string(name).ok();
    fields.iter().map(|(key, value)| Some((format!("{}: ", name(key)?), *value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_no_digit_lost() {
        let shown = |json: &str| pretty(&RawValue::from_string(json.to_owned()).unwrap());
        assert_eq!(
            shown(r#"{"args": [1e400, 123456789012345678901234567890], "kwargs": {}}"#),
            "{\n  \"args\": [\n    1e400,\n    123456789012345678901234567890\n  ],\n  \"kwargs\": {}\n}"
        );
        assert_eq!(shown("3"), "3");
        assert_eq!(shown("[]"), "[]");
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(shown(&deep).contains("[[[[1]]]]"));
    }
}
