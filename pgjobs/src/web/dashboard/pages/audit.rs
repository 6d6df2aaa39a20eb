//! The audit: who did what, to what, and why.

use maud::{Markup, html};

use crate::admin::{AuditFilter, AuditRow};
use crate::db;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, table, time};
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::number;

const PAGE: u16 = 50;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let before = ask
        .get("before")
        .map(|id| id.parse().map_err(|_| Failed::bad("before is the number of a row of the audit")));
    let filter = AuditFilter {
        target: ask.get("target").map(str::to_owned),
        action: ask.get("action").map(str::to_owned),
        before: before.transpose()?,
        num: PAGE,
    };
    let mut tx = ask.read().await?;
    let rows = db::admin::records::audit(&mut tx, &filter).await?;
    tx.commit().await?;
    let oldest = rows.last().filter(|_| rows.len() == usize::from(PAGE)).map(|row| row.id.to_string());
    let main = html! {
        div.page-head { h1 { "Audit" } p { "What people did, newest first. Kept for a year." } }
        (filters(ask))
        @if rows.is_empty() { (empty("Nothing was done that fits.", "")) } @else { (list(ask, &rows)) }
        @if let Some(oldest) = oldest {
            p.pages { a.btn href=(ask.link_with("/audit", ask.query.iter().filter(|(name, _)| *name != "before").chain([("before", oldest.as_str())]))) { "Older" } }
        }
    };
    Ok(View::still("Audit", main))
}

fn filters(ask: &Ask) -> Markup {
    html! {
        form.filters method="get" action=(ask.link("/audit")) {
            label { "To what " input name="target" value=(ask.get("target").unwrap_or_default()) maxlength="200"; } " "
            label { "What " input name="action" value=(ask.get("action").unwrap_or_default()) maxlength="100"; } " "
            button { "Search" }
        }
    }
}

fn list(ask: &Ask, rows: &[AuditRow]) -> Markup {
    let head = html! {
        th scope="col" { "what" } th scope="col" { "to what" } th.num.p1 scope="col" { "jobs" } th scope="col" { "by" }
        th.p1 scope="col" { "why" } th.num scope="col" { "when" }
    };
    let cells = html! {
        @for row in rows {
            tr {
                th scope="row" { (row.action) }
                td.cut { (row.target.as_deref().unwrap_or("–")) @if let Some(details) = &row.details { span.sub.mono { (details.get()) } } }
                td.num.p1 { (row.jobs.map_or("–".to_owned(), number)) }
                td {
                    @if let Some(person) = &row.person { b { (person) } span.sub { "by " (row.who) } } @else { (row.who) }
                    @if let Some(role) = &row.role { span.sub { "as " (role) } }
                }
                td.p1 { (row.reason.as_deref().unwrap_or("–")) }
                td.num.dim { (time(ask.now(), row.at)) }
            }
        }
    };
    table("Audit", head, cells)
}
