//! One schedule: when it is due, what became of its ticks, and what can be done.

use maud::{Markup, html};

use super::{acts, legend, marks, paused};
use crate::db;
use crate::schedule::{Reason, ScheduleEntry, ScheduleRow, english};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::{Unit, ticks};
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{fact, live, section, table, time};
use crate::web::dashboard::pages::parts::{field, form};
use crate::web::dashboard::url::encode;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let name = ask.param("name");
    let mut tx = ask.read().await?;
    let schedule = db::schedule::get(&mut tx, name).await?;
    let entries = db::schedule::log(&mut tx, name, 50).await?;
    let reasons = db::schedule::explain(&mut tx, name).await?;
    let next = db::schedule::ticks(&mut tx, name, 5, None).await?;
    tx.commit().await?;
    let coming = html! { ol.plain { @for tick in &next { li { (english::on_clock(*tick, &schedule.zone)) " " span.dim { "(" (time(ask.now(), *tick)) ")" } } } } };
    let main = html! {
        p.crumb { a href=(ask.link("/schedules")) { "Schedules" } }
        div.page-head {
            h1 { (schedule.name) }
            p { (english::when(&schedule)) }
            div.end { (acts(ask, &schedule)) }
        }
        (live("now", html! { (paused(ask, &schedule)) (sentences(&reasons)) }))
        div.cols.side {
            div {
                (live("log", section("Last ticks", "", "", log(ask, &entries))))
                (section("The next five", html! { p { "on the clock of " (schedule.zone) } }, "", html! { @if next.is_empty() { p.dim { "None is to come." } } @else { (coming) } }))
            }
            (section("Facts", "", "", facts(ask, &schedule)))
        }
        (changes(ask, &schedule))
    };
    Ok(View::live(schedule.name.clone(), main))
}

fn sentences(reasons: &[Reason]) -> Markup {
    html! { @for reason in reasons { p.say { (sentence(&reason.message)) } p.dim { code { (reason.code) } } } }
}

/// With a capital letter and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

fn log(ask: &Ask, entries: &[ScheduleEntry]) -> Markup {
    let head = html! { th scope="col" { "tick" } th scope="col" { "outcome" } th.p1 scope="col" { "reason" } th.p2 scope="col" { "job" } th.num scope="col" { "when" } };
    let rows = html! {
        @for entry in entries {
            tr {
                th scope="row" { @if let Some(tick) = entry.tick { (time(ask.now(), tick)) } @else { "by hand" } }
                td { (entry.outcome) }
                td.p1.dim { (entry.reason.as_deref().unwrap_or("–")) }
                td.p2 { @if let Some(job) = &entry.job_id { a.mono href=(ask.link_to("/jobs/", job)) { (job) } } @else { "–" } }
                td.num.dim { (time(ask.now(), entry.at)) }
            }
        }
    };
    html! {
        @if entries.is_empty() { p.dim { "It was not due yet." } } @else { p { (ticks(&marks(entries))) } (legend()) (table("Last ticks", head, rows)) }
    }
}

fn facts(ask: &Ask, schedule: &ScheduleRow) -> Markup {
    let by = if schedule.declared { "the code of its task" } else { "hand" };
    html! {
        dl.facts {
            (fact("Task", Some(html! { a.plain href=(ask.link_to("/tasks/", &schedule.task)) { (schedule.task) } })))
            (fact("Cron line", schedule.cron.as_ref().map(|line| html! { code { (line) } })))
            (fact("Zone", Some(&schedule.zone)))
            (fact("Where clocks change", schedule.gap.as_ref().map(|gap| format!("gap: {gap}; fold: {}", schedule.fold.as_deref().unwrap_or("–")))))
            (fact("Jitter", (schedule.jitter > 0.0).then(|| Unit::Seconds.said(schedule.jitter))))
            (fact("Catches up", Some(format!("{}, at most {}", schedule.catch_up, schedule.catch_up_limit))))
            (fact("If the job before runs still", Some(&schedule.overlap)))
            (fact("Priority", schedule.priority))
            (fact("Made by", Some(by)))
            (fact("Changed", Some(html! { (time(ask.now(), schedule.changed_at)) " by " (schedule.changed_by) @if schedule.edited { "; differs from the code" } })))
        }
    }
}

fn changes(ask: &Ask, schedule: &ScheduleRow) -> Markup {
    let path = |verb: &str| format!("/schedules/{}/{verb}", encode(&schedule.name));
    html! {
        @if ask.may(Verb::Schedule) {
            div.cols.two {
                @if schedule.paused_at.is_none() {
                    (section("Pause", "", "", form(ask, Verb::Schedule, &path("pause"), "Pause the schedule", "", field("why", "reason", "Why", "", "shown beside the schedule"))))
                }
                (section("Publish past ticks", html! { p { "a job for each tick in this time" } }, "", form(ask, Verb::Schedule, &path("backfill"), "Publish them", "", html! {
                    (field("from", "from", "From", "", "a time like 2026-11-28T00:00:00Z"))
                    (field("to", "to", "To", "", "at most a thousand ticks"))
                })))
                @if let Some(cron) = &schedule.cron {
                    (section("Change the time", "", "", form(ask, Verb::Schedule, &path("edit"), "Change it", "", html! {
                        (field("cron", "cron", "Cron line", cron, "minute hour day month weekday"))
                        (field("zone", "zone", "Zone", &schedule.zone, "a name like Europe/Berlin"))
                    })))
                }
            }
        }
    }
}
