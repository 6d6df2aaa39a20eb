//! Topics: tasks by the part of their names before the first dot, and what is paused.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::parts::{button, field, form};
use crate::db;
use crate::inspect::{PauseRow, TaskCounts};
use crate::types::topic::Topic;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::html::{empty, icon, live, section, table, time};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::{Done, View};
use crate::web::dashboard::words::{count, counted, span};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let topics = topics(&ask.snapshot.counts);
    let paused = &ask.snapshot.pauses;
    let main = html! {
        div.page-head {
            h1 { "Topics" }
            p { (counted(topics.len() as i64, "topic", "topics")) ", " (counted(paused.len() as i64, "pause", "pauses")) ". A pause keeps jobs from being claimed; what runs goes on." }
        }
        (live("paused", section("Paused", "", "", pauses(ask, paused))))
        (live("topics", section("By the first part of the name", html! { p { "counts stop at 10,000" } }, "", list(ask, &topics))))
        @if ask.may(Verb::Pause) { (section("Pause a topic", "", "", pause_form(ask))) }
    };
    Ok(View::live("Topics", main))
}

/// The sums of a topic.
#[derive(Default)]
struct Sums {
    tasks: i64,
    ready: i64,
    running: i64,
    scheduled: i64,
    failed: i64,
    oldest: Option<DateTime<Utc>>,
}

fn topics(counts: &[TaskCounts]) -> BTreeMap<String, Sums> {
    let mut topics: BTreeMap<String, Sums> = BTreeMap::new();
    for task in counts {
        let name =
            task.task.split_once('.').map_or_else(|| task.task.clone(), |(first, _)| format!("{first}.*"));
        let sums = topics.entry(name).or_default();
        sums.tasks += 1;
        sums.ready += task.ready;
        sums.running += task.running;
        sums.scheduled += task.scheduled;
        sums.failed += task.failed;
        sums.oldest = sums.oldest.into_iter().chain(task.oldest_ready).min();
    }
    topics
}

fn list(ask: &Ask, topics: &BTreeMap<String, Sums>) -> Markup {
    let head = html! {
        th scope="col" { "topic" } th.num.p2 scope="col" { "tasks" } th.num scope="col" { "ready" } th.num.p1 scope="col" { "running" }
        th.num scope="col" { "oldest" } th.num.p2 scope="col" { "scheduled" } th.num.p2 scope="col" { "failed" }
    };
    let cell =
        |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
    let rows = html! {
        @for (name, sums) in topics {
            tr {
                th scope="row" {
                    a href=(ask.link_to("/topics/", name)) { (name) }
                    @if let Some(pause) = ask.snapshot.pauses.iter().find(|pause| pause.topic == *name || pause.topic == "*") { (said(ask, pause)) }
                }
                (cell(sums.tasks, "p2")) (cell(sums.ready, "")) (cell(sums.running, "p1"))
                td class={ "num" @if sums.oldest.is_none() { " zero" } } { (sums.oldest.map_or("–".to_owned(), |at| span(ask.now() - at))) }
                (cell(sums.scheduled, "p2")) (cell(sums.failed, "p2"))
            }
        }
    };
    html! { @if topics.is_empty() { (empty("No job is open, and none has ended lately.", "")) } @else { (table("Topics", head, rows)) } }
}

/// Who paused it, since when and why.
pub(super) fn said(ask: &Ask, pause: &PauseRow) -> Markup {
    html! {
        span.sub {
            span.s-paused { (icon("paused")) " Paused" } " by " (pause.paused_by) " " (time(ask.now(), pause.paused_at))
            @if let Some(until) = pause.until { ", until " (time(ask.now(), until)) }
            @if let Some(note) = &pause.note { ": “" (note) "”" }
        }
    }
}

fn pauses(ask: &Ask, paused: &[PauseRow]) -> Markup {
    let head = html! { th scope="col" { "topic" } th scope="col" { span.vh { "actions" } } };
    let rows = html! {
        @for pause in paused {
            tr {
                th scope="row" { b { (pause.topic) } (said(ask, pause)) }
                td.nowrap { (button(ask, Verb::Pause, "/topics/resume", "Resume", &format!("Resume {}", pause.topic), &[("topic", pause.topic.as_str())])) }
            }
        }
    };
    html! { @if paused.is_empty() { p.dim { "Nothing is paused." } } @else { (table("Paused topics", head, rows)) } }
}

fn pause_form(ask: &Ask) -> Markup {
    let fields = html! {
        (field("topic", "topic", "Topic", ask.get("topic").unwrap_or_default(), "a name, or a pattern such as mail.*"))
        (field("minutes", "minutes", "For how many minutes", "", "empty: until somebody resumes it"))
        (field("note", "reason", "Why", "", "shown to everybody who asks why a job does not run"))
    };
    form(ask, Verb::Pause, "/topics/pause", "Pause the topic", "main-act", fields)
}

/// Pauses a topic.
pub(in crate::web::dashboard) async fn pause(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let minutes = fields.get("minutes").map(|text| {
        text.trim().parse::<u32>().map_err(|_| Failed::bad(format!("{text} is no number of minutes")))
    });
    let until = minutes.transpose()?.map(|minutes| ask.now() + TimeDelta::minutes(i64::from(minutes)));
    let mut tx = ask.write().await?;
    db::pause::pause(&mut tx, &topic(fields)?, until, Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(Done::Go("/topics".to_owned()))
}

/// Resumes a topic.
pub(in crate::web::dashboard) async fn resume(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::pause::resume(&mut tx, &topic(fields)?).await?;
    tx.commit().await?;
    Ok(Done::Go("/topics".to_owned()))
}

fn topic(fields: &Fields) -> Result<Topic, Failed> {
    let text = fields.get("topic").ok_or_else(|| Failed::bad("a pause needs a topic, such as mail.*"))?;
    text.parse().map_err(Failed::from)
}
