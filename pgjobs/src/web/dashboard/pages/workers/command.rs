//! Commands to a worker, and what became of them.

use maud::{Markup, html};
use uuid::Uuid;

use super::receipt;
use crate::control::CommandRow;
use crate::db;
use crate::db::command::Recipients;
use crate::types::command::{Command, EXPIRES};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::html::{table, time};
use crate::web::dashboard::view::Done;

/// The worker of the path.
pub(super) fn id(ask: &Ask) -> Result<Uuid, Failed> {
    let text = ask.param("id");
    text.parse().map_err(|_| Failed::missing(format!("{text} is no id of a worker. /workers lists them.")))
}

/// Sends a command that the table of actions lets operators send: ping, pause, resume, drain.
pub(in crate::web::dashboard) async fn send(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let command = match ask.param("kind") {
        "ping" => Command::Ping,
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "drain" => Command::Drain,
        other => return Err(Failed::missing(format!("{other} is no command that is sent from here."))),
    };
    sent(ask, &command, fields).await
}

/// Sends a command that is for administrators: stop, or other slots.
pub(in crate::web::dashboard) async fn stop(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let Some(slots) = fields.get("slots") else { return sent(ask, &Command::Stop, fields).await };
    let slots = slots
        .trim()
        .parse()
        .map_err(|_| Failed::bad(format!("{slots} is no number of slots: 1 to 65535")))?;
    sent(ask, &Command::Slots(slots), fields).await
}

async fn sent(ask: &Ask, command: &Command, fields: &Fields) -> Result<Done, Failed> {
    let id = id(ask)?;
    let workers = [id];
    let to = Recipients { workers: Some(&workers[..]), topic: None };
    let mut tx = ask.write().await?;
    let sent = db::command::send(&mut tx, &to, command, Some(&ask.reason(fields)), EXPIRES).await?;
    tx.commit().await?;
    if sent.is_empty() {
        return Err(Failed::missing("This worker is gone, so nothing was sent."));
    }
    Ok(Done::Go(format!("/workers/{id}")))
}

/// Commands, newest first, with their receipts.
pub(super) fn list(ask: &Ask, receipts: &[CommandRow]) -> Markup {
    let head = html! {
        th scope="col" { "command" } th scope="col" { "receipt" } th.p1 scope="col" { "answer" } th.p2 scope="col" { "worker" }
        th.p2 scope="col" { "by, and why" } th.num scope="col" { "sent" }
    };
    let rows = html! {
        @for row in receipts {
            tr {
                th scope="row" { (row.kind) @if let Some(details) = &row.details { span.sub.mono { (details.to_string()) } } }
                td { (receipt(row.state)) }
                td.p1.dim { (row.answer.as_deref().unwrap_or("–")) }
                td.p2 { a.plain href=(ask.link_to("/workers/", &row.worker.to_string())) { (row.host.as_deref().unwrap_or("gone")) } }
                td.p2.dim { (row.who) @if let Some(reason) = &row.reason { ": " (reason) } }
                td.num.dim { (time(ask.now(), row.sent_at)) }
            }
        }
    };
    table("Commands", head, rows)
}
