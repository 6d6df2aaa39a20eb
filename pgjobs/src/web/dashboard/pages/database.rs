//! The database's health, and all problems.

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;

use super::parts::figure;
use crate::db;
use crate::inspect::{Problem, Severity};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::Unit;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{command, empty, icon, live, section, table, time};
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{counted, number};

/// What `jobs.server_health()` returns.
#[derive(Deserialize)]
struct Health {
    version: String,
    started_at: DateTime<Utc>,
    standby: bool,
    database: String,
    bytes: f64,
    connections: i64,
    max_connections: i64,
    tables: Vec<Table>,
    holders: Vec<Holder>,
}

#[derive(Deserialize)]
struct Table {
    table: String,
    bytes: f64,
    rows: i64,
    dead: i64,
    parts: i64,
    vacuumed_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Holder {
    kind: String,
    name: String,
    role: Option<String>,
    application: Option<String>,
    state: Option<String>,
    seconds: Option<f64>,
    transactions: Option<i64>,
}

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let mut tx = ask.read().await?;
    let json = db::statistics::server_health(&mut tx).await?;
    tx.commit().await?;
    let health: Health = serde_json::from_str(json.get()).map_err(|error| {
        Failed::bad(format!("the schema says how the server is in words of another release: {error}"))
    })?;
    let main = html! {
        div.page-head { h1 { "Database" } p { (health.database) ", PostgreSQL " (health.version) @if health.standby { ", a standby" } } }
        (live("problems", section("Problems", html! { p { "with what fixes them" } }, "", problems(&ask.snapshot.problems))))
        (live("figures", figures(ask, &health)))
        (live("holders", section("Who keeps old snapshots", html! { p { "dead rows stay while they do" } }, "", holders(&health.holders))))
        (live("tables", section("Tables", html! { p { "rows as the server estimates them" } }, "", tables(ask, &health.tables))))
    };
    Ok(View::live("Database", main))
}

/// All problems, each with its command.
pub(super) fn problems(found: &[Problem]) -> Markup {
    html! {
        @if found.is_empty() { (empty("Nothing is wrong.", "")) }
        ul.probs {
            @for problem in found {
                li {
                    @if problem.severity == Severity::Error { (icon("lost")) } @else { (icon("warn")) }
                    div {
                        p { b { (problem.message) } }
                        p { code { (problem.code) } " found " (number(problem.found)) ", allowed " (number(problem.allowed)) }
                        (remedy(&problem.remedy))
                    }
                }
            }
        }
    }
}

/// The words of a remedy, and its commands to copy.
fn remedy(words: &str) -> Markup {
    let parts: Vec<&str> = words.split('`').collect();
    html! {
        p { (words.replace('`', "")) }
        @for part in parts.iter().skip(1).step_by(2) { (command(part)) }
    }
}

fn figures(ask: &Ask, health: &Health) -> Markup {
    let oldest = health.holders.iter().filter_map(|holder| holder.seconds).fold(0.0, f64::max);
    let dead: i64 = health.tables.iter().map(|table| table.dead).sum();
    html! {
        dl.figs {
            (figure("Size", bytes(health.bytes), "of the whole database"))
            (figure("Connections", html! { (number(health.connections)) " " small { "of " (number(health.max_connections)) } }, "of the server"))
            (figure("Oldest transaction", if health.holders.is_empty() { "–".to_owned() } else { Unit::Seconds.said(oldest) }, counted(health.holders.len() as i64, "is open", "are open")))
            (figure("Dead rows", number(dead), "in the tables of pgjobs"))
            (figure("Server started", time(ask.now(), health.started_at), ""))
        }
    }
}

fn holders(holders: &[Holder]) -> Markup {
    let head = html! {
        th scope="col" { "who" } th.p1 scope="col" { "role" } th.p2 scope="col" { "state" } th.num scope="col" { "for" } th.num.p1 scope="col" { "transactions behind" }
    };
    let rows = html! {
        @for holder in holders {
            tr {
                th scope="row" { (holder.application.as_deref().unwrap_or(&holder.name)) span.sub { (holder.kind) " " (holder.name) } }
                td.p1 { (holder.role.as_deref().unwrap_or("–")) }
                td.p2.dim { (holder.state.as_deref().unwrap_or("–")) }
                td.num { (holder.seconds.map_or("–".to_owned(), |seconds| Unit::Seconds.said(seconds))) }
                td.num.p1 { (holder.transactions.map_or("–".to_owned(), number)) }
            }
        }
    };
    html! { @if holders.is_empty() { p.dim { "Nobody does." } } @else { (table("Who keeps old snapshots", head, rows)) } }
}

fn tables(ask: &Ask, tables: &[Table]) -> Markup {
    let head = html! {
        th scope="col" { "table" } th.num scope="col" aria-sort="descending" { "size" } th.num.p1 scope="col" { "rows" }
        th.num scope="col" { "dead rows" } th.num.p2 scope="col" { "vacuumed" }
    };
    let rows = html! {
        @for table in tables {
            tr {
                th scope="row" { code { "jobs." (table.table) } @if table.parts > 1 { span.sub { (table.parts) " partitions" } } }
                td.num { (bytes(table.bytes)) }
                td.num.p1 { (number(table.rows)) }
                td class={ "num" @if table.dead == 0 { " zero" } } { (number(table.dead)) }
                td.num.p2.dim { @if let Some(at) = table.vacuumed_at { (time(ask.now(), at)) } @else { "–" } }
            }
        }
    };
    table("Tables", head, rows)
}

/// Bytes in the largest unit of which there is one.
fn bytes(n: f64) -> String {
    let units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match units.into_iter().find(|(_, size)| n >= *size) {
        Some((unit, size)) if n / size < 9.95 => format!("{:.1} {unit}", n / size),
        Some((unit, size)) => format!("{:.0} {unit}", n / size),
        None => format!("{n:.0} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_digits_and_their_unit() {
        assert_eq!(
            [0.0, 999.0, 1234.0, 358_236_160.0, 9.7e12].map(bytes),
            ["0 bytes", "999 bytes", "1.2 kB", "358 MB", "9.7 TB"]
        );
    }

    #[test]
    fn commands_of_a_remedy_can_be_copied() {
        let page = remedy("`vacuum jobs.pending`, after that").into_string();
        assert!(page.contains("data-copy=\"vacuum jobs.pending\"") && page.contains("after that"), "{page}");
    }
}
