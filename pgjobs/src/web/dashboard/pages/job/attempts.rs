//! The runs of a job: the last error, and what each run logged and reported.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::Job;
use crate::types::job_state::JobState;
use crate::types::progress::{LogLine, Progress};
use crate::web::dashboard::html::{clock, empty, gauge, section, state, time};

pub(super) fn attempts(now: DateTime<Utc>, job: &Job) -> Markup {
    let last = job.row.attempt;
    let mut runs: Vec<i32> =
        job.log.iter().map(|line| line.attempt).chain(job.progress.iter().map(|said| said.attempt)).collect();
    if last > 0 {
        runs.push(last);
    }
    runs.sort_unstable_by(|a, b| b.cmp(a));
    runs.dedup();
    let body = html! {
        @if runs.is_empty() { (empty("It has not run yet.", "")) }
        @for attempt in &runs { (run(now, job, *attempt, last)) }
    };
    section("Attempts", html! { p { "newest first" } }, "", body)
}

fn run(now: DateTime<Utc>, job: &Job, attempt: i32, last: i32) -> Markup {
    let is_last = attempt == last;
    let error = job.row.traceback.as_deref().filter(|_| is_last || (last == 0));
    let lines: Vec<&LogLine> = job.log.iter().filter(|line| line.attempt == attempt).collect();
    let progress = job.progress.iter().rfind(|said| said.attempt == attempt);
    html! {
        details.try id={ "run-" (attempt) } open[is_last] {
            summary {
                @if is_last { (state(word(job))) } @else { (state("failed")) }
                span { "run " (attempt) }
                @if let Some(first) = error.and_then(|error| error.lines().next()) { span.err { (first) } }
                @if let Some(at) = job.row.complete_on.or(job.row.run_at).filter(|_| is_last) { (time(now, at)) }
            }
            @if let Some(progress) = progress { (said(progress)) }
            @if let Some(error) = error { pre tabindex="0" { (error) } }
            @if !lines.is_empty() { (log(&lines)) }
        }
    }
}

fn word(job: &Job) -> &'static str {
    match job.row.state {
        JobState::Running => "running",
        JobState::Success => "success",
        JobState::Cancelled => "cancelled",
        // A job that waits again has a last run that did not succeed.
        JobState::Pending | JobState::Failed => "failed",
    }
}

fn said(progress: &Progress) -> Markup {
    let percent = progress.fraction().map(|fraction| (fraction * 100.0).round());
    html! {
        p {
            @if let Some(percent) = percent { (gauge(percent as i64, 100)) (percent) " %: " }
            (progress.done) @if let Some(total) = progress.total { " of " (total) }
            @if let Some(note) = &progress.note { ", " (note) }
        }
    }
}

fn log(lines: &[&LogLine]) -> Markup {
    html! {
        ul.log {
            @for line in lines {
                li {
                    (clock(line.at))
                    span class=(class(&line.level)) { (line.level) }
                    span { (line.message) @if let Some(fields) = &line.fields { " " span.faint { (fields.get()) } } }
                }
            }
        }
    }
}

fn class(level: &str) -> &'static str {
    match level.to_ascii_lowercase().as_str() {
        "error" => "e",
        "warn" => "w",
        _ => "i",
    }
}
