//! Workers: what each does, and what it was told.

mod command;
mod one;

use maud::{Markup, html};

use super::parts::button;
use crate::db;
use crate::inspect::WorkerRow;
use crate::types::command::CommandState;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, gauge, icon, live, section, state, table, time};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{counted, number};

pub(in crate::web::dashboard) use command::{send, stop};
pub(in crate::web::dashboard) use one::{show as one, stop_form};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let workers = &ask.snapshot.workers;
    let alive = workers.iter().filter(|worker| worker.alive);
    let slots: i64 = alive.clone().map(|worker| i64::from(worker.slots)).sum();
    let used: i64 = alive.clone().map(|worker| worker.held).sum();
    let receipts = receipts(ask, None).await;
    let main = html! {
        div.page-head {
            h1 { "Workers" }
            p { (counted(alive.count() as i64, "worker", "workers")) " alive, " (number(used)) " of " (number(slots)) " slots used." }
        }
        (live("workers", list(ask, workers)))
        @if !receipts.is_empty() { (live("receipts", section("Commands", html! { p { "what workers were told lately" } }, "", command::list(ask, &receipts)))) }
    };
    Ok(View::live("Workers", main))
}

/// The last commands; none where the viewer may not see them.
pub(super) async fn receipts(ask: &Ask, worker: Option<uuid::Uuid>) -> Vec<crate::control::CommandRow> {
    let found = async {
        let mut tx = ask.read().await?;
        Ok::<_, Failed>(db::command::commands(&mut tx, worker, None, 20).await?)
    };
    if ask.may(Verb::Control) { found.await.unwrap_or_default() } else { Vec::new() }
}

fn list(ask: &Ask, workers: &[WorkerRow]) -> Markup {
    let head = html! {
        th scope="col" { "worker" } th scope="col" { "state" } th scope="col" { "slots used" } th.num.p2 scope="col" { "tasks" }
        th.p2 scope="col" { "version" } th.num.p2 scope="col" { "started" } th.num.p1 scope="col" { "heartbeat" } th.p1 scope="col" { span.vh { "actions" } }
    };
    let rows = html! {
        @for worker in workers {
            tr {
                th scope="row" {
                    a href=(ask.link_to("/workers/", &worker.id.to_string())) { (worker.host) }
                    span.sub { "process " (worker.pid) ", topics " (worker.topics.join(", ")) }
                }
                td { (state_of(worker)) }
                td { (gauge(worker.held, i64::from(worker.slots))) " " (number(worker.held)) " of " (worker.slots) }
                td.num.p2 { (worker.tasks.len()) }
                td.p2.dim { (worker.version) }
                td.num.p2.dim { (time(ask.now(), worker.started_at)) }
                td.num.p1 { (time(ask.now(), worker.heartbeat_at)) }
                td.nowrap.p1 { (acts(ask, worker)) }
            }
        }
    };
    html! {
        @if workers.is_empty() {
            (empty("No worker is registered, so no job runs.", html! { p { code { "pgjobs worker" } " starts one." } }))
        } @else { (table("Workers", head, rows)) }
    }
}

/// Whether it works: a word with its shape.
pub(super) fn state_of(worker: &WorkerRow) -> Markup {
    if !worker.alive {
        return state("lost");
    }
    html! { @if worker.paused_at.is_some() { (state("paused")) } @else { span.st { "working" } } }
}

/// The commands that are sent at once.
pub(super) fn acts(ask: &Ask, worker: &WorkerRow) -> Markup {
    let send = |kind: &str, words: &str| {
        let path = format!("/workers/{}/{kind}", worker.id);
        button(ask, Verb::Control, &path, words, &format!("{words} {} {}", worker.host, worker.pid), &[])
    };
    html! {
        @if worker.alive {
            div.acts {
                @if worker.paused_at.is_some() { (send("resume", "Resume")) } @else { (send("pause", "Pause")) }
            }
        }
    }
}

/// A receipt's state.
pub(super) fn receipt(state: CommandState) -> Markup {
    let shape = match state {
        CommandState::Applied => "success",
        CommandState::Refused => "failed",
        CommandState::Expired => "missed",
        CommandState::Sent => "scheduled",
    };
    html! { span class={ "st s-" (shape) } { (icon(shape)) " " (state.as_str()) } }
}
