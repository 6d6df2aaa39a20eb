//! Schedules: when jobs are published by themselves, and what became of it.

mod change;
mod one;

use maud::{Markup, html};

use super::parts::button;
use crate::db;
use crate::schedule::english;
use crate::schedule::{ScheduleEntry, ScheduleRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::{Tick, tick_mark, ticks};
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, icon, live, table, time};
use crate::web::dashboard::url::encode;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::counted;

pub(in crate::web::dashboard) use change::{backfill, edit, pause, resume, run};
pub(in crate::web::dashboard) use one::show as one;

/// So many schedules are on a page.
const PAGE: i32 = 50;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let after = ask.get("after").unwrap_or_default();
    let mut tx = ask.read().await?;
    let mut schedules = db::schedule::list(&mut tx, "*", after, PAGE + 1).await?;
    let more = schedules.len() > PAGE as usize;
    schedules.truncate(PAGE as usize);
    let mut rows = Vec::new();
    for schedule in schedules {
        let entries = db::schedule::log(&mut tx, &schedule.name, 20).await?;
        rows.push((schedule, entries));
    }
    tx.commit().await?;
    let paused = rows.iter().filter(|(schedule, _)| schedule.paused_at.is_some()).count();
    let last = rows.last().filter(|_| more).map(|(schedule, _)| schedule.name.clone());
    let body = html! {
        @if rows.is_empty() && after.is_empty() {
            (empty("No schedule is saved.", html! { p { "A task declares one: " code { "#[task(cron = \"0 3 * * *\")]" } ". " code { "pgjobs schedule set" } " makes one by hand." } }))
        } @else {
            (table("Schedules", head(), html! { @for (schedule, entries) in &rows { (row(ask, schedule, entries)) } }))
            (legend())
        }
    };
    let main = html! {
        div.page-head {
            h1 { "Schedules" }
            p { (counted(rows.len() as i64, "schedule", "schedules")) @if more { " on this page" } ", " (paused) " paused." }
        }
        (live("schedules", body))
        @if let Some(last) = last { p.pages { a.btn href=(ask.link_with("/schedules", [("after", last.as_str())])) { "Next schedules" } } }
    };
    Ok(View::live("Schedules", main))
}

fn head() -> Markup {
    html! {
        th scope="col" { "schedule" } th.p2 scope="col" { "line" } th.p2 scope="col" { "zone" } th scope="col" { "last ticks, newest right" }
        th.num scope="col" aria-sort="ascending" { "next" } th.p2 scope="col" { "task" } th.p1 scope="col" { span.vh { "actions" } }
    }
}

fn row(ask: &Ask, schedule: &ScheduleRow, entries: &[ScheduleEntry]) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(ask.link_to("/schedules/", &schedule.name)) { (schedule.name) }
                span.sub { (english::when(schedule)) }
                (paused(ask, schedule))
            }
            td.p2.mono { (schedule.cron.as_deref().unwrap_or("–")) }
            td.p2.dim { (schedule.zone) }
            td { (ticks(&marks(entries))) }
            td.num { (next(ask, schedule)) }
            td.p2 { a.plain href=(ask.link_to("/tasks/", &schedule.task)) { (schedule.task) } }
            td.nowrap.p1 { (acts(ask, schedule)) }
        }
    }
}

/// Who paused it, and why.
pub(super) fn paused(ask: &Ask, schedule: &ScheduleRow) -> Markup {
    html! {
        @if let Some(at) = schedule.paused_at {
            span.sub {
                span.s-paused { (icon("paused")) " Paused" } " by " (schedule.paused_by.as_deref().unwrap_or("somebody")) " " (time(ask.now(), at))
                @if let Some(note) = &schedule.pause_note { ": “" (note) "”" }
            }
        }
    }
}

fn next(ask: &Ask, schedule: &ScheduleRow) -> Markup {
    html! {
        @if schedule.paused_at.is_some() { span.st.s-paused { (icon("paused")) " paused" } }
        @else if let Some(next) = schedule.next_at { (time(ask.now(), next)) }
        @else { "–" }
    }
}

/// Run now, and pause or resume.
pub(super) fn acts(ask: &Ask, schedule: &ScheduleRow) -> Markup {
    let path = format!("/schedules/{}", encode(&schedule.name));
    html! {
        div.acts {
            (button(ask, Verb::Schedule, &format!("{path}/run"), "Run now", &format!("Run now: {}", schedule.name), &[]))
            @if schedule.paused_at.is_some() {
                (button(ask, Verb::Schedule, &format!("{path}/resume"), "Resume", &format!("Resume {}", schedule.name), &[]))
            } @else {
                (button(ask, Verb::Schedule, &format!("{path}/pause"), "Pause", &format!("Pause {}", schedule.name), &[]))
            }
        }
    }
}

/// What became of the ticks, newest first.
pub(super) fn marks(entries: &[ScheduleEntry]) -> Vec<Tick> {
    entries.iter().filter_map(|entry| mark(&entry.outcome)).collect()
}

fn mark(outcome: &str) -> Option<Tick> {
    match outcome {
        "published" | "run" => Some(Tick::Published),
        "caught_up" | "backfilled" => Some(Tick::CaughtUp),
        "skipped" => Some(Tick::Skipped),
        "missed" | "failed" => Some(Tick::Missed),
        _ => None,
    }
}

/// What the marks mean.
pub(super) fn legend() -> Markup {
    let one = |tick: Tick, words: &str| html! { span { (tick_mark(tick)) " " (words) } };
    html! {
        div.key.tick-key {
            (one(Tick::Published, "published")) (one(Tick::CaughtUp, "caught up later")) (one(Tick::Skipped, "skipped, with a reason")) (one(Tick::Missed, "missed"))
        }
    }
}
