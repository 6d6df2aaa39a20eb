//! One job: why it is in its state, its life, what it was given and what it gave.

mod attempts;
mod facts;
mod life;
mod part;

use maud::{Markup, html};

use crate::db::{self, explain};
use crate::inspect::{JobRow, Reason};
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::progress::{LogLine, Progress};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{copy, live, section, state, with_code};
use crate::web::dashboard::json;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::capital;

/// The newest lines of the log that the page shows.
const LINES: u16 = 200;

/// Everything that the page shows.
pub(super) struct Job {
    pub(super) row: JobRow,
    pub(super) reasons: Vec<Reason>,
    pub(super) progress: Vec<Progress>,
    pub(super) log: Vec<LogLine>,
    part: Option<part::Part>,
}

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let job = read(ask).await?;
    let id = job.row.job_id.as_str();
    let main = html! {
        p.crumb {
            a href=(ask.link("/jobs")) { "Jobs" } ", "
            a href=(ask.link_with("/jobs", [("task", job.row.task.as_str())])) { (job.row.task) }
        }
        (super::notice::done(ask))
        (live("head", head(ask, &job, id)))
        (live("why", why(&job)))
        (live("life", section("Life", html! { p { "waits thin, runs thick; lengths in five steps, not to scale" } }, "", life::life(ask.now(), &job))))
        div.cols.side {
            div {
                (live("attempts", attempts::attempts(ask.now(), &job)))
                (arguments(&job))
                (live("result", result(&job)))
                (row(&job))
            }
            div { (live("facts", facts::facts(ask, &job))) }
        }
    };
    Ok(View::live(format!("{} {}", job.row.task, word(&job)), main))
}

async fn read(ask: &Ask) -> Result<Job, Failed> {
    let id = id(ask)?;
    let mut tx = ask.read().await?;
    let row = db::inspect::get(&mut tx, &id).await.map_err(|error| unknown(&id, error))?;
    let reasons = explain::explain(&mut tx, &id).await?;
    let (progress, log) =
        (db::progress::progress(&mut tx, &id).await?, db::progress::log(&mut tx, &id, None, LINES).await?);
    let part = part::Part::read(ask, id.as_str(), &reasons, &mut tx).await?;
    tx.commit().await?;
    Ok(Job { row, reasons, progress, log, part })
}

/// The id in the path.
pub(in crate::web::dashboard) fn id(ask: &Ask) -> Result<JobId, Failed> {
    let id = ask.param("id");
    if id.is_empty() || id.len() > 32 || id.contains(char::is_control) {
        return Err(Failed::missing("There is no such job: an id has 32 hexadecimal digits."));
    }
    Ok(JobId::from_database(id.to_owned()))
}

fn unknown(id: &JobId, error: Error) -> Failed {
    match error {
        Error::UnknownJob(_) => Failed::missing(format!(
            "There is no job {id}: it was never published, was deleted, or ended longer ago than history is kept."
        )),
        error => error.into(),
    }
}

/// The state in the words of the list, where a pending job is ready, scheduled or in backoff.
pub(super) fn word(job: &Job) -> &'static str {
    let code = job.reasons.first().map_or("", |reason| reason.code.as_str());
    match (job.row.state, code) {
        (JobState::Pending, "scheduled") => "scheduled",
        (JobState::Pending, "backoff") => "backoff",
        (JobState::Pending, _) => "ready",
        (JobState::Running, _) => "running",
        (JobState::Success, _) => "success",
        (JobState::Failed, _) => "failed",
        (JobState::Cancelled, _) => "cancelled",
    }
}

fn head(ask: &Ask, job: &Job, id: &str) -> Markup {
    html! {
        div.page-head {
            h1 { (job.row.task) }
            p { (state(word(job))) }
            p { span.mono { (id) } " " (copy(id, "id")) }
            div.end.acts { @for action in actions(ask, job) { (action) } }
        }
    }
}

/// What can be done with it, as far as the viewer may.
fn actions(ask: &Ask, job: &Job) -> Vec<Markup> {
    let id = job.row.job_id.as_str();
    let preview = |verb: Verb, word: &str, class: &str| {
        html! {
            a class={ "btn " (class) } href=(ask.link_with("/jobs/act", [("do", verb.name()), ("id", id)])) { (word) "…" }
        }
    };
    let edit = html! { a.btn href=(ask.link(&format!("/jobs/{}/edit", encode(id)))) { "Edit…" } };
    let is_redriven = job.reasons.iter().any(|reason| reason.details.get("redriven_as").is_some());
    let shown = match job.row.state {
        JobState::Failed | JobState::Cancelled if !is_redriven => vec![
            (Verb::Retry, preview(Verb::Retry, "Retry", "main-act")),
            (Verb::Redrive, preview(Verb::Redrive, "Re-drive", "")),
            (Verb::Edit, edit),
        ],
        JobState::Pending => {
            vec![(Verb::Edit, edit), (Verb::Cancel, preview(Verb::Cancel, "Cancel", "danger"))]
        }
        JobState::Running => vec![(Verb::Cancel, preview(Verb::Cancel, "Cancel", "danger"))],
        _ => vec![],
    };
    shown.into_iter().filter(|(verb, _)| ask.may(*verb)).map(|(_, button)| button).collect()
}

/// The sentence of `explain`, the code of the machine beneath, and the other reasons.
fn why(job: &Job) -> Markup {
    let word = word(job);
    let class = if ["success", "cancelled", "scheduled", "ready"].contains(&word) {
        "calm".to_owned()
    } else {
        format!("s-{word}")
    };
    html! {
        div class={ "why " (class) } {
            @if let Some(first) = job.reasons.first() {
                p.say { (with_code(&capital(&first.message))) "." }
                ul { @for reason in &job.reasons { li { code { (reason.code) } " " (with_code(&reason.message)) } } }
            }
        }
    }
}

fn arguments(job: &Job) -> Markup {
    let body = html! {
        @match (&job.row.body, &job.row.unreadable) {
            (Some(body), _) => { (json::tree(body.get())) }
            (None, Some(reason)) => { p.empty { (reason) } }
            (None, None) => { p.empty { "It has no arguments." } }
        }
    };
    let end = html! { @if let Some(body) = &job.row.body { (copy(body.get(), "arguments as JSON")) } };
    section("Arguments", "", end, body)
}

fn result(job: &Job) -> Markup {
    let body = html! {
        @match &job.row.result {
            Some(result) => { (json::tree(result.get())) }
            None if job.row.state == JobState::Success => { p.empty { "It gave none, or it is not kept." } }
            None => { p.empty { "None yet." } }
        }
    };
    section("Result", "", "", body)
}

/// The row as JSON, for those who look for what the page leaves out.
fn row(job: &Job) -> Markup {
    let text = serde_json::to_string_pretty(&job.row).unwrap_or_default();
    let body = html! { details { summary { "As jobs.shown gives it" } (json::text(&text)) } };
    section("Row", "", "", body)
}
