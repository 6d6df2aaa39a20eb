//! The facts of a job, and where it belongs.

use maud::{Markup, html};
use serde_json::Value;

use super::Job;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::html::{fact, outward, section, time};

pub(super) fn facts(ask: &Ask, job: &Job) -> Markup {
    let row = &job.row;
    let meta: Value =
        row.meta.as_ref().and_then(|meta| serde_json::from_str(meta.get()).ok()).unwrap_or_default();
    let when = |at: Option<_>| at.map(|at| time(ask.now(), at));
    let body = html! {
        dl.facts {
            (fact("Task", Some(html! { a href=(ask.link_with("/jobs", [("task", row.task.as_str())])) { (row.task) } })))
            (fact("Priority", Some(format!("{}, greater first", row.priority))))
            (fact("Failed runs", Some(format!("{} of {}; {} started", row.failed_attempts(), row.max_retries, row.attempt))))
            (fact("Timeout", Some(format!("{} s", row.timeout))))
            (fact("Published", when(Some(row.created_at))))
            (fact("Scheduled", when(row.scheduled_at)))
            (fact("Last start", when(row.run_at)))
            (fact("Ended", when(row.complete_on)))
            (fact("Worker", row.worker.map(|worker| worker.simple().to_string())))
            (fact("Tags", tags(&meta)))
            @for (name, value) in notes(&meta) { (fact(name, Some(note(value)))) }
        }
    };
    html! { (section("Facts", "", "", body)) (section("Where it belongs", "", "", lineage(ask, job, &meta))) }
}

fn tags(meta: &Value) -> Option<String> {
    let tags: Vec<&str> = meta.get("tags")?.as_array()?.iter().filter_map(Value::as_str).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// The publisher's notes, but for those with a place of their own.
fn notes(meta: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let all = meta.as_object().into_iter().flatten();
    all.filter(|(name, _)| !["tags", "redrive", "tick"].contains(&name.as_str())).take(50)
}

/// A text that is the address of a page is a link, so traces and logs can be opened; anything else is text.
fn note(value: &Value) -> Markup {
    match value {
        Value::String(text) => outward(text),
        other => html! { code { (other.to_string()) } },
    }
}

fn lineage(ask: &Ask, job: &Job, meta: &Value) -> Markup {
    let text = |of: &str, name: &str| meta.get(of).and_then(|part| part.get(name)).and_then(Value::as_str);
    let origin = text("redrive", "origin");
    let from = text("redrive", "from");
    let schedule = text("tick", "schedule");
    let next =
        job.reasons.iter().find_map(|reason| reason.details.get("redriven_as")).and_then(Value::as_str);
    let link = |id: &str| html! { a.mono href=(ask.link_to("/jobs/", id)) { (id) } };
    html! {
        dl.facts {
            (fact("First job", origin.map(link)))
            (fact("Re-driven from", from.map(link)))
            (fact("Re-driven as", next.map(link)))
            (fact("Schedule", schedule))
            (fact("Workflow", job.part.as_ref().map(|part| part.link(ask))))
        }
        @if origin.is_none() && schedule.is_none() && next.is_none() && job.part.is_none() { p.empty { "It was published by itself." } }
    }
}
