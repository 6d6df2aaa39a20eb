//! Operations over many jobs: the list, how far one is, and stopping it.

use maud::{Markup, html};

use crate::db::admin::operation::{self, Change, OperationRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::html::{self, empty, fact, gauge, live, section, time};
use crate::web::dashboard::json;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::{Done, View};
use crate::web::dashboard::words::{number, said};

/// So many a page.
const PAGE: i32 = 50;

pub(in crate::web::dashboard) async fn list(ask: &Ask) -> Result<View, Failed> {
    let before = match ask.get("before") {
        Some(text) => {
            Some(text.parse::<i64>().map_err(|_| Failed::bad("before is the number of an operation."))?)
        }
        None => None,
    };
    let mut tx = ask.read().await?;
    let found = operation::list(&mut tx, before, PAGE).await?;
    tx.commit().await?;
    let main = html! {
        div.page-head { h1 { "Operations" } p { "one action over all jobs that match" } }
        (live("list", html! {
            @if found.is_empty() {
                (empty("No operation was started.", html! { p { "The list of jobs starts them: " a href=(ask.link("/jobs?state=failed")) { "failed jobs" } "." } }))
            } @else { (rows(ask, &found)) }
            @if let Some(last) = found.get(PAGE as usize - 1) {
                div.pager { nav { a.btn id="older" href=(ask.link(&format!("/operations?before={}", last.id))) { "Older " kbd { "]" } } } }
            }
        }))
    };
    Ok(View::live("Operations", main))
}

fn rows(ask: &Ask, found: &[OperationRow]) -> Markup {
    let head = html! {
        th scope="col" { "operation" } th scope="col" { "state" } th.num scope="col" { "done" }
        th.num.p2 scope="col" { "of" } th.p2 scope="col" { "reason" } th.num scope="col" { "started" }
    };
    let rows = html! {
        @for operation in found {
            tr id={ "operation-" (operation.id) } {
                th scope="row" {
                    a href=(ask.link(&format!("/operations/{}", operation.id))) { (operation.kind) " " (operation.topic) }
                    span.sub { (states(operation)) }
                }
                td { (operation.state) }
                td.num { (number(operation.done)) } td.num.p2 { (number(operation.matched)) }
                td.p2 { (operation.reason.as_deref().unwrap_or("–")) }
                td.num { (time(ask.now(), operation.started_at)) }
            }
        }
    };
    html::table("Operations", head, rows)
}

fn states(operation: &OperationRow) -> String {
    let states = operation.job_state.as_deref().unwrap_or("pending and running");
    match &operation.error {
        Some(error) => format!("{states} jobs whose error has {error}"),
        None => format!("{states} jobs"),
    }
}

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let id = id(ask)?;
    let mut tx = ask.read().await?;
    let found = operation::get(&mut tx, id).await?;
    tx.commit().await?;
    let title = format!("{} {}", found.kind, found.topic);
    let main = html! {
        p.crumb { a href=(ask.link("/operations")) { "Operations" } }
        (live("head", html! { div.page-head { h1 { (title) } p { (found.state) } div.end.acts { (buttons(ask, &found)) } } }))
        (live("progress", progress(ask, &found)))
        (live("facts", facts(ask, &found)))
    };
    Ok(View::live(title.clone(), main))
}

fn id(ask: &Ask) -> Result<i64, Failed> {
    ask.param("id").parse().map_err(|_| Failed::missing("There is no such operation: it has a number."))
}

fn buttons(ask: &Ask, found: &OperationRow) -> Markup {
    let shown: &[(&str, &str, &str)] = match found.state.as_str() {
        "running" => &[("pause", "Pause", ""), ("cancel", "Cancel", "danger")],
        "paused" => &[("resume", "Go on", "main-act"), ("cancel", "Cancel", "danger")],
        _ => &[],
    };
    html! {
        @if ask.may(Verb::Operate) {
            form method="post" action=(ask.link(&format!("/operations/{}", found.id))) {
                @for (change, word, class) in shown.iter().filter(|(change, ..)| *change != "resume" || may_go_on(ask, found)) { button class=(class) name="change" value=(change) { (word) } " " }
            }
        }
    }
}

/// Whether the viewer may do what the operation does: to let it go on is to do it.
fn may_go_on(ask: &Ask, found: &OperationRow) -> bool {
    Verb::named(&found.kind).is_none_or(|verb| ask.may(verb))
}

fn progress(ask: &Ask, found: &OperationRow) -> Markup {
    let dealt = found.done + found.skipped;
    let is_idle = ask.snapshot.workers.iter().all(|worker| !worker.alive);
    html! {
        p.say {
            b { (number(found.done)) } " of " b { (number(found.matched)) } @if !found.matched_exactly { " or more" }
            " are done" @if found.skipped > 0 { ", " b { (number(found.skipped)) } " were left out" } "."
        }
        (gauge(dealt, found.matched.max(dealt).max(1)))
        @if found.state == "running" && is_idle {
            p.empty { "No worker lives, and workers do its steps: it waits for one." }
        }
        @if let Some(error) = &found.last_error { pre tabindex="0" { (error) } }
    }
}

fn facts(ask: &Ask, found: &OperationRow) -> Markup {
    let now = ask.now();
    let took = found.ended_at.unwrap_or(now).signed_duration_since(found.started_at);
    let body = html! {
        dl.facts {
            (fact("Takes", Some(states(found))))
            (fact("Since", found.since.map(|at| time(now, at))))
            (fact("Before", Some(time(now, found.until))))
            (fact("Started", Some(time(now, found.started_at))))
            (fact("Took", Some(said(took))))
            (fact("By", Some(&found.who)))
            (fact("Reason", found.reason.as_ref()))
        }
        @if found.skipped > 0 {
            details { summary { "What was left out, and why" } (json::tree(found.skips.get())) (json::tree(found.left_out.get())) }
        }
    };
    section("Facts", "", "", body)
}

/// Pauses, resumes or cancels it.
pub(in crate::web::dashboard) async fn change(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let id = id(ask)?;
    let change = match fields.get("change") {
        Some("pause") => Change::Pause,
        Some("resume") => Change::Resume,
        Some("cancel") => Change::Cancel,
        _ => return Err(Failed::bad("An operation is paused, resumed or cancelled.")),
    };
    let mut tx = ask.write().await?;
    if matches!(change, Change::Resume) {
        let found = operation::get(&mut tx, id).await?;
        Verb::named(&found.kind).map_or(Ok(()), |verb| ask.need(verb))?;
    }
    operation::change(&mut *tx, id, change, Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(Done::Go(format!("/operations/{id}")))
}
