//! Before a workflow is cancelled or retried: what would happen, the reason, and the button.

use maud::{Markup, html};

use super::one::{Found, id, read};
use super::title;
use crate::admin::GRACE;
use crate::db::admin::workflow as db;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::{Done, View};
use crate::web::dashboard::words::counted;

/// The page that asks; what is to be done and with which node, the query says.
pub(in crate::web::dashboard) async fn confirm(ask: &Ask) -> Result<View, Failed> {
    let verb = match ask.get("do") {
        Some("cancel") => Verb::Cancel,
        Some("retry") => Verb::Retry,
        _ => return Err(Failed::bad("It is not said what to do: do is cancel or retry.")),
    };
    ask.need(verb)?;
    let found = read(ask).await?;
    let node = ask.get("node");
    if let Some(name) = node.filter(|name| !found.nodes.iter().any(|node| node.name == *name)) {
        return Err(Failed::missing(format!("The workflow has no node {name}.")));
    }
    Ok(View::still(format!("{} {}", word(verb), title(&found.workflow)), page(ask, verb, &found, node)))
}

fn word(verb: Verb) -> &'static str {
    if verb == Verb::Cancel { "Cancel" } else { "Retry" }
}

fn page(ask: &Ask, verb: Verb, found: &Found, node: Option<&str>) -> Markup {
    let workflow = &found.workflow;
    let back = ask.link(&format!("/workflows/{}", workflow.id));
    let (does, does_not, class) = if verb == Verb::Cancel {
        (
            "Nodes that wait never run. Jobs that run end now, and their code is asked to stop, and is cut off after 5 seconds.",
            "What has ended stays as it is, and what it did is not undone.",
            "danger main-act",
        )
    } else {
        (
            "Failed and cancelled jobs run again with all their runs, under the same ids; nodes that were cancelled or skipped wait anew where they still can run.",
            "Nodes that succeeded do not run again.",
            "main-act",
        )
    };
    html! {
        p.crumb { a href=(ask.link("/workflows")) { "Workflows" } ", " a href=(back) { (title(workflow)) } }
        div.page-head { h1 { (word(verb)) " " @match node { Some(node) => { "the node " (node) " and what comes after it" } None => (title(workflow)) } "?" } }
        p.say { (does) }
        p { b { "It does not: " } (does_not) }
        p.dim { (counted(i64::from(workflow.open), "node is", "nodes are")) " open, " (counted(i64::from(workflow.failed), "node has", "nodes have")) " failed." }
        form.form method="post" action={ (back) "/" (verb.name()) } {
            @if let Some(node) = node { input type="hidden" name="node" value=(node); }
            div.field.full {
                label for="reason" { "Reason" }
                input id="reason" name="reason" maxlength="800" autocomplete="off";
                p { "The audit keeps it, with your name." }
            }
            div.acts.full { button class=(class) { (word(verb)) } a.btn href=(back) { "Do nothing" } }
        }
    }
}

/// Cancels the workflow, or a node with what comes after it.
pub(in crate::web::dashboard) async fn cancel(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let id = id(ask)?;
    let mut tx = ask.write().await?;
    db::cancel(&mut *tx, id, fields.get("node"), Some(&ask.reason(fields)), GRACE).await?;
    tx.commit().await?;
    Ok(Done::Go(format!("/workflows/{id}")))
}

/// Lets what failed or was cancelled run again.
pub(in crate::web::dashboard) async fn retry(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let id = id(ask)?;
    let mut tx = ask.write().await?;
    db::retry(&mut *tx, id, fields.get("node"), Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(Done::Go(format!("/workflows/{id}")))
}
