//! The nodes of a workflow as a list: what the graph shows, as text.

use maud::{Markup, html};

use super::drawn::Drawn;
use super::shape;
use crate::inspect::{NodeEdge, NodeRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::html::icon;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::words::{number, span};

/// So many lines at most, and so many names in one that stands for several nodes.
const LINES: usize = 500;
const NAMES: usize = 100;

pub(super) fn outline(ask: &Ask, drawn: &Drawn<'_>) -> Markup {
    let workflow = drawn.workflow;
    let order = &drawn.folded.graph.order;
    html! {
        ol.outline {
            @for nth in order.iter().take(LINES) {
                @let (node, members) = drawn.first(*nth);
                li id={ "n" (node.id) } {
                    span class={ "st s-" (shape(node.state.as_str())) } { (icon(shape(node.state.as_str()))) span.vh { (node.state) ":" } } " "
                    @if members > 1 { (many(ask, drawn, *nth)) } @else { (line(ask, drawn, node, workflow)) }
                }
            }
        }
        @if order.len() > LINES { p.dim { (number((order.len() - LINES) as i64)) " more nodes: " code { "pgjobs workflow show " (workflow) " --all" } } }
    }
}

/// Nodes that stand alike.
fn many(ask: &Ask, drawn: &Drawn<'_>, nth: usize) -> Markup {
    let members = &drawn.folded.members[nth];
    let (node, number_of) = drawn.first(nth);
    html! {
        b { (number(number_of as i64)) " nodes" } " " span.dim { (node.task) ", " (node.state) }
        details {
            summary { "Their names" }
            @for member in members.iter().take(NAMES) { (name(ask, &drawn.nodes[*member], drawn.workflow)) " " }
            @if number_of > NAMES { "and " (number((number_of - NAMES) as i64)) " more" }
        }
    }
}

/// The page of a job, which leads back to the workflow.
pub(super) fn job(ask: &Ask, id: &str, workflow: i64) -> String {
    ask.link_with(&format!("/jobs/{}", encode(id)), [("workflow", workflow.to_string().as_str())])
}

/// The node's name, which leads to its job.
fn name(ask: &Ask, node: &NodeRow, workflow: i64) -> Markup {
    html! {
        @match &node.job_id {
            Some(id) => { a.plain href=(job(ask, id.as_str(), workflow)) { b { (node.name) } } }
            None => b { (node.name) }
        }
    }
}

fn line(ask: &Ask, drawn: &Drawn<'_>, node: &NodeRow, workflow: i64) -> Markup {
    html! {
        (name(ask, node, workflow)) " " span.dim { (task(ask, node)) @if let Some(took) = took(ask, node) { ", " (took) } }
        p {
            (drawn.words(node))
            @if node.failed > 0 && node.is_group { ", " (number(i64::from(node.failed))) " failed" }
            @if let Some(reason) = &node.reason { ": " (reason) }
            @if !node.after.is_empty() { ". After: " (after(&node.after)) }
            (action(ask, node, workflow))
        }
    }
}

fn task(ask: &Ask, node: &NodeRow) -> Markup {
    html! {
        @if node.is_group && node.jobs > 0 { (number(i64::from(node.jobs))) " × " }
        a.plain href=(ask.link_with("/jobs", [("task", node.task.as_str())])) { (node.task) }
    }
}

fn took(ask: &Ask, node: &NodeRow) -> Option<String> {
    node.started_at.map(|started| span(node.ended_at.unwrap_or(ask.now()) - started))
}

/// The nodes before it, and what is wanted of each where that is not success.
fn after(edges: &[NodeEdge]) -> Markup {
    html! {
        @for (nth, edge) in edges.iter().take(NAMES).enumerate() {
            @if nth > 0 { ", " }
            (edge.node)
            @match edge.when.as_str() { "failure" => " if it fails", "ended" => " however it ends", _ => "" }
            @if let Some(condition) = &edge.condition { " if its result has " code { (condition) } }
        }
        @if edges.len() > NAMES { " and " (number((edges.len() - NAMES) as i64)) " more" }
    }
}

/// What can be done with it, as far as the viewer may; it asks first.
fn action(ask: &Ask, node: &NodeRow, workflow: i64) -> Markup {
    let verb = match node.state.as_str() {
        "waiting" | "running" => Verb::Cancel,
        "failed" | "cancelled" | "skipped" => Verb::Retry,
        _ => return html! {},
    };
    let words = if verb == Verb::Cancel { "Cancel…" } else { "Retry…" };
    let query = [("do", verb.name()), ("node", node.name.as_str())];
    let link = ask.link_with(&format!("/workflows/{workflow}/act"), query);
    html! { @if ask.may(verb) { " " a href=(link) aria-label={ (words) " " (node.name) } { (words) } } }
}
