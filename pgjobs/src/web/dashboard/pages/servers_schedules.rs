//! The schedules of all servers, the next one first.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use maud::{Markup, html};

use super::schedules::paused;
use super::servers::PATIENCE;
use crate::db;
use crate::schedule::{ScheduleRow, english};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, icon, live, table, time};
use crate::web::dashboard::limit::in_time;
use crate::web::dashboard::site::Site;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::counted;

/// The most schedules of a server; its own page has all.
const PAGE: i32 = 50;

/// What a server has, or why it does not say.
type Answer = (String, Result<Vec<ScheduleRow>, Failed>);

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let answers: Vec<Answer> = join_all(ask.site.over.iter().cloned().map(answer)).await;
    let mut rows: Vec<(&str, &ScheduleRow)> = answers.iter().flat_map(schedules).collect();
    rows.sort_by_key(|(_, schedule)| (schedule.paused_at.is_some(), next(schedule)));
    let body = html! {
        @for (server, answer) in &answers { @if let Err(failed) = answer { (away(server, failed)) } }
        @if rows.is_empty() { (empty("No server that answers has a schedule.", "")) }
        @else { (table("Schedules", head(), html! { @for (server, schedule) in &rows { (row(ask, server, schedule)) } })) }
    };
    let main = html! {
        div.page-head {
            h1 { "Schedules" }
            p { (counted(rows.len() as i64, "schedule", "schedules")) " of all servers, at most " (PAGE) " of each." }
        }
        (live("schedules", body))
    };
    Ok(View::live("Schedules", main))
}

async fn answer(site: Arc<Site>) -> Answer {
    let name = site.server.clone().unwrap_or_default();
    match site.look(PATIENCE).await.trouble {
        Some(failed) => (name, Err(failed)),
        None => (name, in_time(read(&site)).await),
    }
}

async fn read(site: &Site) -> Result<Vec<ScheduleRow>, Failed> {
    let mut tx = db::dashboard::begin_read(site.reads()).await?;
    Ok(db::schedule::list(&mut tx, "*", "", PAGE).await?)
}

fn schedules((server, rows): &Answer) -> impl Iterator<Item = (&str, &ScheduleRow)> {
    rows.iter().flatten().map(|schedule| (server.as_str(), schedule))
}

/// When it is due; at the end of time where it never is again.
fn next(schedule: &ScheduleRow) -> DateTime<Utc> {
    schedule.next_at.unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn away(server: &str, failed: &Failed) -> Markup {
    html! { p.say { span.st.s-lost { (icon("lost")) " " (server) } ": " (failed.words()) } }
}

fn head() -> Markup {
    html! {
        th scope="col" { "schedule" } th scope="col" { "server" } th.num scope="col" aria-sort="ascending" { "next" } th.p1 scope="col" { "task" }
    }
}

fn row(ask: &Ask, server: &str, schedule: &ScheduleRow) -> Markup {
    let on = |folder: &str, name: &str| ask.link_on(server, &format!("{folder}{}", encode(name)));
    html! {
        tr {
            th scope="row" {
                a href=(on("/schedules/", &schedule.name)) { (schedule.name) }
                span.sub { (english::when(schedule)) }
                (paused(ask, schedule))
            }
            td { a.plain href=(ask.link_on(server, "/schedules")) { (server) } }
            td.num {
                @match (schedule.paused_at, schedule.next_at) {
                    (None, Some(at)) => (time(ask.now(), at)),
                    _ => "–",
                }
            }
            td.p1 { a.plain href=(on("/tasks/", &schedule.task)) { (schedule.task) } }
        }
    }
}
