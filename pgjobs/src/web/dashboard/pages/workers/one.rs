//! One worker.

use maud::{Markup, html};

use super::command::{self, id};
use super::{acts, receipts, state_of};
use crate::inspect::WorkerRow;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{fact, gauge, live, section, time};
use crate::web::dashboard::pages::parts::{button, field, figure, form};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::number;

fn find(ask: &Ask) -> Result<WorkerRow, Failed> {
    let id = id(ask)?;
    let found = ask.snapshot.workers.iter().find(|worker| worker.id == id).cloned();
    found.ok_or_else(|| {
        Failed::missing(format!(
            "The worker {id} is gone: it left, or was lost a while ago. /workers lists those that are there."
        ))
    })
}

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let worker = find(ask)?;
    let receipts = receipts(ask, Some(worker.id)).await;
    let main = html! {
        p.crumb { a href=(ask.link("/workers")) { "Workers" } }
        div.page-head { h1 { (worker.host) " " span.dim { (worker.pid) } } div.end { (live("acts", acts(ask, &worker))) } }
        (live("now", html! { (sentence(ask, &worker)) (figures(ask, &worker)) }))
        div.cols.side {
            div {
                (live("receipts", section("Commands", html! { p { "with their receipts" } }, ping(ask, &worker), html! {
                    @if receipts.is_empty() { p.dim { "Nobody has told it anything." } } @else { (command::list(ask, &receipts)) }
                })))
                (section("Tasks", "", "", tasks(ask, &worker)))
            }
            (section("Facts", "", "", facts(ask, &worker)))
        }
        @if worker.alive { (more(ask, &worker)) }
    };
    Ok(View::live(format!("{} {}", worker.host, worker.pid), main))
}

fn sentence(ask: &Ask, worker: &WorkerRow) -> Markup {
    html! {
        p.say {
            @if !worker.alive { "It is " b { "lost" } ": its last heartbeat was " (time(ask.now(), worker.heartbeat_at)) ". Its jobs run again elsewhere." }
            @else if let Some(at) = worker.paused_at { "It is " b { "paused" } " since " (time(ask.now(), at)) ": it claims nothing, and what it runs goes on." }
            @else { "It works: " b { (number(worker.held)) } " of " b { (worker.slots) } " slots are used." }
        }
    }
}

fn figures(ask: &Ask, worker: &WorkerRow) -> Markup {
    html! {
        dl.figs {
            (figure("State", state_of(worker), "as of its last heartbeat"))
            (figure("Slots used", html! { (number(worker.held)) " " small { "of " (worker.slots) } }, gauge(worker.held, i64::from(worker.slots))))
            (figure("Heartbeat", time(ask.now(), worker.heartbeat_at), "three in each lease"))
            (figure("Started", time(ask.now(), worker.started_at), worker.version.as_str()))
        }
    }
}

fn ping(ask: &Ask, worker: &WorkerRow) -> Markup {
    html! { @if worker.alive { (button(ask, Verb::Control, &format!("/workers/{}/ping", worker.id), "Ping", &format!("Ping {}", worker.host), &[])) } }
}

fn tasks(ask: &Ask, worker: &WorkerRow) -> Markup {
    html! { ul.plain { @for task in &worker.tasks { li { a.plain href=(ask.link_to("/tasks/", task)) { (task) } } } } }
}

fn facts(ask: &Ask, worker: &WorkerRow) -> Markup {
    html! {
        dl.facts {
            (fact("Host", Some(&worker.host)))
            (fact("Process", Some(worker.pid)))
            (fact("Version", Some(&worker.version)))
            (fact("Topics", Some(worker.topics.join(", "))))
            (fact("Id", Some(html! { code { (worker.id.to_string()) } })))
            (fact("Its jobs", Some(html! { a href=(ask.link_with("/jobs", [("state", "running")])) { "running jobs" } })))
        }
    }
}

/// What needs a reason, or a second look.
fn more(ask: &Ask, worker: &WorkerRow) -> Markup {
    let path = |kind: &str| format!("/workers/{}/{kind}", worker.id);
    html! {
        div.cols.two {
            @if ask.may(Verb::Control) {
                (section("Drain", html! { p { "runs what it has, claims nothing more, and ends" } }, "", form(ask, Verb::Control, &path("drain"), "Drain it", "", field("drain-why", "reason", "Why", "", ""))))
            }
            @if ask.may(Verb::Stop) {
                (section("Slots", "", "", form(ask, Verb::Stop, &path("stop"), "Change the slots", "", field("slots", "slots", "Slots", &worker.slots.to_string(), "1 to 65535; what runs goes on"))))
                (section("Stop", html! { p { "releases what it can and ends" } }, "", html! { p { a.btn.danger href=(ask.link(&path("stop"))) { "Stop it…" } } }))
            }
        }
    }
}

/// The page before a stop.
pub(in crate::web::dashboard) async fn stop_form(ask: &Ask) -> Result<View, Failed> {
    ask.need(Verb::Stop)?;
    let worker = find(ask)?;
    let path = format!("/workers/{}/stop", worker.id);
    let main = html! {
        p.crumb { a href=(ask.link("/workers")) { "Workers" } " " a href=(ask.link(&format!("/workers/{}", worker.id))) { (worker.host) } }
        h1 { "Stop " (worker.host) " " (worker.pid) "?" }
        p.say { "It would claim nothing more, wait a moment for " b { (number(worker.held)) } " running jobs, release the rest, and end. Nothing here starts it again." }
        (form(ask, Verb::Stop, &path, "Stop the worker", "danger", field("why", "reason", "Why", "", "kept in the audit")))
    };
    Ok(View::still("Stop a worker", main))
}
