//! One workflow: where it is, its graph, and its nodes as text.

use maud::{Markup, html};

use super::drawn::Drawn;
use super::{graph, outline, state_of, title};
use crate::db::workflow_read as db;
use crate::inspect::{NodeRow, Reason, WorkflowRow};
use crate::types::workflow::WorkflowState;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{fact, icon, live, section, time, with_code};
use crate::web::dashboard::json;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::capital;

/// All that the page shows.
pub(super) struct Found {
    pub(super) workflow: WorkflowRow,
    pub(super) nodes: Vec<NodeRow>,
    reasons: Vec<Reason>,
}

/// The number in the path.
pub(super) fn id(ask: &Ask) -> Result<i64, Failed> {
    let id = ask.param("id");
    id.parse().map_err(|_| Failed::missing("There is no such workflow: it has a number."))
}

pub(super) async fn read(ask: &Ask) -> Result<Found, Failed> {
    let id = id(ask)?;
    let mut tx = ask.read().await?;
    let workflow = db::workflow(&mut tx, id).await?;
    let nodes = db::nodes(&mut tx, id).await?;
    let reasons = db::explain(&mut tx, id, None).await?;
    tx.commit().await?;
    Ok(Found { workflow, nodes, reasons })
}

pub(in crate::web::dashboard) async fn one(ask: &Ask) -> Result<View, Failed> {
    let found = read(ask).await?;
    let drawn = Drawn::of(found.workflow.id, &found.nodes);
    let main = html! {
        p.crumb { a href=(ask.link("/workflows")) { "Workflows" } }
        (live("head", head(ask, &found.workflow)))
        (live("why", why(&found)))
        (section("Graph", html! { p { "left before right" } }, "", live("graph", picture(ask, &drawn))))
        (section("Outline", html! { p { "the same as text" } }, "", live("outline", outline::outline(ask, &drawn))))
        (section("Facts", "", "", facts(ask, &found.workflow)))
    };
    Ok(View::live(format!("{} {}", title(&found.workflow), found.workflow.state), main))
}

fn head(ask: &Ask, workflow: &WorkflowRow) -> Markup {
    html! {
        div.page-head {
            h1 { (title(workflow)) }
            p { (state_of(workflow.state.as_str())) }
            p { "workflow " span.mono { (workflow.id) } ", published " (time(ask.now(), workflow.created_at)) }
            div.end.acts { (actions(ask, workflow)) }
        }
    }
}

/// What can be done with it, as far as the viewer may.
fn actions(ask: &Ask, workflow: &WorkflowRow) -> Markup {
    let can_retry = ["failed", "cancelled"].contains(&workflow.state.as_str());
    // One that has failed is given up by that: what waits never runs, and it is no longer kept for a retry.
    let can_cancel = [WorkflowState::Running, WorkflowState::Failed].contains(&workflow.state);
    let path = format!("/workflows/{}/act", workflow.id);
    let link = |verb: Verb| ask.link_with(&path, [("do", verb.name())]);
    html! {
        @if can_retry && ask.may(Verb::Retry) { a.btn.main-act href=(link(Verb::Retry)) { "Retry…" } " " }
        @if can_cancel && ask.may(Verb::Cancel) { a.btn.danger href=(link(Verb::Cancel)) { "Cancel…" } }
    }
}

fn why(found: &Found) -> Markup {
    let class = match found.workflow.state.as_str() {
        "failed" => "s-failed",
        "running" if found.workflow.failed > 0 => "s-warn",
        "running" => "s-running",
        _ => "calm",
    };
    html! {
        div class={ "why " (class) } {
            @if let Some(first) = found.reasons.first() {
                p.say { (with_code(&capital(&first.message))) "." }
                ul { @for reason in &found.reasons { li { code { (reason.code) } " " (with_code(&reason.message)) } } }
            }
        }
    }
}

fn picture(ask: &Ask, drawn: &Drawn<'_>) -> Markup {
    html! {
        @match graph::graph(ask, drawn) {
            None => p.empty { "It is too large to be drawn; the outline has its nodes." }
            Some(svg) => {
                div.wrap.graph tabindex="0" role="region" aria-label="Graph of the workflow; the outline has the same as text" { (svg) }
                p.key {
                    @for state in ["success", "running", "waiting", "failed", "skipped", "cancelled"] { (state_of(state)) }
                    span.st { (icon("group")) " many jobs or nodes" }
                    span.st { "dashed: only on a condition" }
                }
            }
        }
    }
}

fn facts(ask: &Ask, workflow: &WorkflowRow) -> Markup {
    let when = |at: Option<_>| at.map(|at| time(ask.now(), at));
    html! {
        dl.facts {
            (fact("On failure", Some(workflow.on_failure.as_str())))
            (fact("Deadline", when(workflow.deadline)))
            (fact("Ended", when(workflow.ended_at)))
            (fact("Reason", workflow.reason.as_ref()))
        }
        @if let Some(meta) = &workflow.meta { h3 { "Meta" } (json::tree(meta.get())) }
    }
}
