//! Workflows: the list.

mod act;
mod drawn;
mod graph;
mod one;
mod outline;

use maud::{Markup, html};

use crate::db::workflow_read as db;
use crate::inspect::{WorkflowFilter, WorkflowRow};
use crate::types::workflow::WorkflowState;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, gauge, icon, live, table, time};
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{number, span};

pub(in crate::web::dashboard) use act::{cancel, confirm, retry};
pub(in crate::web::dashboard) use one::one;

/// The workflows of a page.
const PAGE: u16 = 50;
const STATES: &[&str] = &["running", "failed", "success", "cancelled", "compensating", "compensated"];

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let state = ask.get("state").filter(|state| *state != "all");
    let name = ask.get("name").map(str::trim);
    let before = ask
        .get("before")
        .map(|id| id.parse::<i64>().map_err(|_| Failed::bad("before is the number of a workflow")));
    let filter = WorkflowFilter {
        state: state.map(str::to_owned),
        name: name.map(str::to_owned),
        before: before.transpose()?,
        limit: PAGE + 1,
    };
    let mut tx = ask.read().await?;
    let found = db::workflows(&mut tx, &filter).await?;
    tx.commit().await?;
    let main = html! {
        div.page-head { h1 { "Workflows" } p { "Jobs that wait for the ends of others." } }
        (tabs(ask, state, name))
        (search(ask, state, name))
        (live("list", list(ask, &filter, &found)))
    };
    Ok(View::live("Workflows", main))
}

/// The state in its shape and word, as of nodes.
fn state_of(state: &str) -> Markup {
    html! { span class={ "st s-" (shape(state)) } { (icon(shape(state))) " " (state) } }
}

/// The shape of the sprite by which a state of a workflow or of a node is known.
fn shape(state: &str) -> &'static str {
    match state {
        "running" => "running",
        "compensating" => "backoff",
        "success" => "success",
        "failed" => "failed",
        "cancelled" | "compensated" => "cancelled",
        "skipped" => "skipped",
        _ => "blocked",
    }
}

fn link<'a>(ask: &Ask, state: Option<&'a str>, name: Option<&'a str>, before: Option<&'a str>) -> String {
    let query = [("state", state), ("name", name), ("before", before)];
    ask.link_with("/workflows", query.into_iter().filter_map(|(key, value)| Some((key, value?))))
}

fn tabs(ask: &Ask, state: Option<&str>, name: Option<&str>) -> Markup {
    html! {
        nav.tabs aria-label="States" {
            a href=(link(ask, None, name, None)) aria-current=[state.is_none().then_some("page")] { b { "all" } }
            @for this in STATES {
                a href=(link(ask, Some(this), name, None)) aria-current=[(state == Some(this)).then_some("page")] { span.st { (icon(shape(this))) " " (this) } }
            }
        }
    }
}

fn search(ask: &Ask, state: Option<&str>, name: Option<&str>) -> Markup {
    html! {
        div.chips {
            form action=(ask.link("/workflows")) role="search" aria-label="Workflows by name" {
                @if let Some(state) = state { input type="hidden" name="state" value=(state); }
                input name="name" aria-label="Name of workflows" maxlength="200" placeholder="import.*" value=(name.unwrap_or_default());
                button { "Find" }
                @if name.is_some() { " " a href=(link(ask, state, None, None)) { "All names" } }
            }
        }
    }
}

fn list(ask: &Ask, filter: &WorkflowFilter, found: &[WorkflowRow]) -> Markup {
    let shown = &found[..found.len().min(usize::from(PAGE))];
    let (state, name) = (filter.state.as_deref(), filter.name.as_deref());
    let last = shown.last().map(|workflow| workflow.id.to_string());
    html! {
        @if shown.is_empty() { (nothing(ask, filter)) } @else { (rows(ask, shown)) }
        div.pager {
            span { (number(i64::from(PAGE))) " a page, newest first." @if name.is_some_and(|name| name.contains('*')) { " A pattern is looked for among the newest 100,000." } }
            nav aria-label="Pages" {
                @if filter.before.is_some() { a.btn id="newer" href=(link(ask, state, name, None)) { "Newest " kbd { "[" } } }
                @if found.len() > shown.len() { a.btn id="older" href=(link(ask, state, name, last.as_deref())) { "Older " kbd { "]" } } }
            }
        }
    }
}

fn nothing(ask: &Ask, filter: &WorkflowFilter) -> Markup {
    let is_filtered = filter.state.is_some() || filter.name.is_some() || filter.before.is_some();
    let next = html! { @if is_filtered { p { a href=(ask.link("/workflows")) { "Show all" } } } };
    empty(if is_filtered { "No workflow matches." } else { "There are no workflows." }, next)
}

fn rows(ask: &Ask, workflows: &[WorkflowRow]) -> Markup {
    let head = html! {
        th scope="col" { "workflow" } th scope="col" { "state" } th.num scope="col" { "nodes done" } th.p2 scope="col" { span.vh { "share" } }
        th.num.p1 scope="col" { "failed" } th.num.p1 scope="col" { "published" } th.num.p2 scope="col" { "took" }
    };
    let rows = html! {
        @for workflow in workflows {
            @let done = i64::from(workflow.nodes - workflow.open);
            tr {
                th scope="row" {
                    a href=(ask.link(&format!("/workflows/{}", workflow.id))) { (title(workflow)) }
                    span.sub.mono { (workflow.id) }
                }
                td { (state_of(workflow.state.as_str())) @if is_held(workflow) { span.sub { "held: waits for a retry" } } }
                td.num { (number(done)) " of " (number(i64::from(workflow.nodes))) } td.p2 { (gauge(done, i64::from(workflow.nodes))) }
                td class={ "num p1" @if workflow.failed == 0 { " zero" } } { (number(i64::from(workflow.failed))) }
                td.num.p1 { (time(ask.now(), workflow.created_at)) }
                td.num.p2 { @match workflow.ended_at { Some(ended) => (span(ended - workflow.created_at)), None => "–" } }
            }
        }
    };
    table("Workflows", head, rows)
}

/// Its name, or what stands for one.
fn title(workflow: &WorkflowRow) -> String {
    workflow.name.clone().unwrap_or_else(|| format!("workflow {}", workflow.id))
}

/// Whether nodes of it wait for somebody.
fn is_held(workflow: &WorkflowRow) -> bool {
    workflow.state == WorkflowState::Failed && workflow.open > 0
}
