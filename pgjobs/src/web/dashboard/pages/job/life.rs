//! The life of a job as a list that is a picture: what it waited for, thin; what ran, thick.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::Job;
use crate::types::job_state::JobState;
use crate::web::dashboard::html::{clock, icon};
use crate::web::dashboard::words::said;

/// A part of the life.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    /// `wait`, `wait back`, `run s-failed`, `next`.
    class: &'static str,
    icon: Option<&'static str>,
    name: String,
    from: Option<DateTime<Utc>>,
    took: Option<TimeDelta>,
    note: &'static str,
}

pub(super) fn life(now: DateTime<Utc>, job: &Job) -> Markup {
    let parts = parts(now, job);
    html! {
        ol.life aria-label="Life of this job" {
            @for (nth, part) in parts.iter().enumerate() {
                li class={ (part.class) " " (width(part.took)) @if is_now(job, nth, parts.len()) { " now" } } {
                    span.b {}
                    b { @if let Some(shape) = part.icon { (icon(shape)) } (part.name) }
                    span.d { @if let Some(took) = part.took { (said(took)) } (part.note) }
                    @if let Some(from) = part.from { (clock(from)) }
                }
            }
        }
    }
}

/// Whether the part is at work now: the last one of a job that has not ended, but for the run that is to come.
fn is_now(job: &Job, nth: usize, parts: usize) -> bool {
    match job.row.state {
        JobState::Running => nth + 1 == parts,
        JobState::Pending => nth + 2 == parts,
        _ => false,
    }
}

/// Five widths, by the logarithm of the time.
fn width(took: Option<TimeDelta>) -> &'static str {
    match took.map_or(0, |took| took.num_milliseconds()) {
        ..1000 => "w1",
        1000..10_000 => "w2",
        10_000..120_000 => "w3",
        120_000..3_600_000 => "w4",
        _ => "w5",
    }
}

/// Of earlier runs the database keeps their number, and when those that reported their progress did: they are one part.
fn parts(now: DateTime<Utc>, job: &Job) -> Vec<Part> {
    let row = &job.row;
    let due = row.scheduled_at.filter(|at| *at > row.created_at);
    let is_open = row.state == JobState::Pending;
    let begins = row.run_at.or(row.complete_on).unwrap_or(now);
    let mut parts = Vec::new();
    let first_due = due.filter(|_| row.retries == 0 && row.attempt <= 1);
    if let Some(due) = first_due {
        parts.push(wait("wait", Some("scheduled"), "scheduled", row.created_at, due.min(begins)));
    }
    let earlier = if is_open { row.attempt } else { (row.attempt - 1).max(0) };
    let waits_from = first_due.unwrap_or(row.created_at);
    if earlier > 0 {
        let name = if earlier == 1 { "run 1".to_owned() } else { format!("runs 1 to {earlier}") };
        let until = if is_open { None } else { Some(begins.signed_duration_since(row.created_at)) };
        parts.push(Part {
            class: "run s-failed",
            icon: Some("failed"),
            name,
            from: Some(row.created_at),
            took: until,
            note: ", did not succeed",
        });
    } else if begins > waits_from {
        parts.push(wait("wait", Some("ready"), "ready", waits_from, begins));
    }
    match row.state {
        JobState::Pending => parts.extend(to_come(now, job, due)),
        JobState::Running => parts.push(run(job, "run s-running", "running", now)),
        JobState::Success => parts.push(run(job, "run s-success", "success", row.complete_on.unwrap_or(now))),
        JobState::Failed => parts.push(run(job, "run s-failed", "failed", row.complete_on.unwrap_or(now))),
        JobState::Cancelled if row.run_at.is_some() => {
            parts.push(run(job, "run", "cancelled", row.complete_on.unwrap_or(now)))
        }
        JobState::Cancelled => {}
    }
    parts
}

fn wait(
    class: &'static str,
    icon: Option<&'static str>,
    name: &str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Part {
    // Clocks differ; no wait is below zero.
    let took = until.signed_duration_since(from).max(TimeDelta::zero());
    Part { class, icon, name: name.to_owned(), from: Some(from), took: Some(took), note: "" }
}

fn run(job: &Job, class: &'static str, icon: &'static str, until: DateTime<Utc>) -> Part {
    let from = job.row.run_at.unwrap_or(until);
    let name = format!("run {} of {}", job.row.attempt.max(1), job.row.max_retries.max(job.row.attempt));
    Part { name, ..wait(class, Some(icon), "", from, until) }
}

fn to_come(now: DateTime<Utc>, job: &Job, due: Option<DateTime<Utc>>) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(due) = due.filter(|due| *due > now && job.row.retries > 0) {
        parts.push(wait("wait back", Some("backoff"), "backoff", now, due));
    }
    let name = format!("run {} of {}", job.row.attempt + 1, job.row.max_retries);
    let from = due.filter(|due| *due > now);
    parts.push(Part { class: "next", icon: None, name, from, took: None, note: "expected" });
    parts
}
