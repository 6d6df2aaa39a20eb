//! All servers on a page, and a search over them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use maud::{Markup, html};

use crate::JobId;
use crate::inspect::{self, Problem, Severity, TaskCounts};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::glance::Seen;
use crate::web::dashboard::html::{empty, icon, live, section, state, table, with_code};
use crate::web::dashboard::limit::in_time;
use crate::web::dashboard::site::Site;
use crate::web::dashboard::snapshot::Snapshot;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, number, span};

/// So long this page waits for a server; what it said last is shown then.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// A server as it is shown.
struct Row {
    name: String,
    seen: Seen,
}

impl Row {
    /// What it says now; nothing of a server that is away, whose numbers would pass for those of now.
    fn now(&self) -> Option<&Snapshot> {
        self.seen.snapshot.as_deref().filter(|_| self.seen.trouble.is_none())
    }

    fn state(&self) -> Markup {
        match &self.seen {
            Seen { trouble: Some(failed), .. } => {
                html! { span.st.s-lost { (icon("lost")) @if failed.is_away() { " away" } @else { " in trouble" } } }
            }
            Seen { draining: Some(_), .. } => state("draining"),
            Seen { .. } => html! { span.st.s-success { (icon("success")) " up" } },
        }
    }
}

async fn look(ask: &Ask) -> Vec<Row> {
    let rows: Vec<_> = ask.site.over.iter().cloned().map(row).collect();
    join_all(rows).await
}

async fn row(site: Arc<Site>) -> Row {
    Row { name: site.server.clone().unwrap_or_default(), seen: site.look(PATIENCE).await }
}

/// All servers: whether each keeps up, and what needs somebody.
pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let rows = look(ask).await;
    let main = html! {
        h1.vh { "Servers" }
        (live("now", sentence(&rows)))
        (live("servers", servers(ask, &rows)))
        (live("problems", problems(ask, &rows)))
    };
    Ok(View::live("Servers", main))
}

fn sentence(rows: &[Row]) -> Markup {
    let up: Vec<&Snapshot> = rows.iter().filter_map(Row::now).collect();
    let sum = |of: fn(&TaskCounts) -> i64| up.iter().flat_map(|server| &server.counts).map(of).sum::<i64>();
    let rate = up.iter().filter_map(|server| server.rate).fold(0.0, |sum, rate| sum + rate);
    html! {
        p.say {
            b { (up.len()) " of " (rows.len()) } " servers answer. "
            b { (count(sum(|task| task.ready))) } " jobs are ready, " b { (number(sum(|task| task.running))) } " running; "
            b { (per_second(rate)) } " end a second."
        }
    }
}

fn servers(ask: &Ask, rows: &[Row]) -> Markup {
    let head = html! {
        th scope="col" { "server" } th scope="col" { "state" } th.num scope="col" { "ready" } th.num scope="col" { "running" }
        th.num scope="col" { "ended / s" } th.num.p1 scope="col" { "oldest" } th.num.p1 scope="col" { "workers" }
        th.num scope="col" { "problems" }
    };
    let body = html! { @for row in rows { (line(ask, row)) } };
    section("Servers", html! { p { "counts stop at 10,000 of a task" } }, "", table("Servers", head, body))
}

fn line(ask: &Ask, row: &Row) -> Markup {
    let name = html! { th scope="row" { a href=(ask.link_on(&row.name, "/")) { (row.name) } } };
    html! {
        tr id={ "server-" (row.name) } {
            (name)
            @match row.now() {
                Some(now) => { td { (shown_state(row)) } (figures(ask, &row.name, now)) }
                None => { td { (row.state()) } td colspan="6" { (row.seen.trouble.as_ref().map_or("no answer yet".to_owned(), Failed::words)) } }
            }
        }
    }
}

fn shown_state(row: &Row) -> Markup {
    html! {
        (row.state())
        @if let Some(note) = row.seen.draining.as_ref().and_then(|draining| draining.note.as_ref()) { span.sub { (note) } }
    }
}

fn figures(ask: &Ask, name: &str, now: &Snapshot) -> Markup {
    let sum = |of: fn(&TaskCounts) -> i64| now.counts.iter().map(of).sum::<i64>();
    let oldest = now.counts.iter().filter_map(|task| task.oldest_ready).min();
    let alive = now.workers.iter().filter(|worker| worker.alive).count();
    html! {
        td.num { a href=(ask.link_on(name, "/jobs?state=ready")) { (count(sum(|task| task.ready))) } }
        td.num { a href=(ask.link_on(name, "/jobs?state=running")) { (count(sum(|task| task.running))) } }
        td.num { (now.rate.map_or("–".to_owned(), per_second)) }
        td.num.p1 { (oldest.map_or("–".to_owned(), |at| age(now.at, at))) }
        td.num.p1 { a href=(ask.link_on(name, "/workers")) { (alive) } }
        td.num { a href=(ask.link_on(name, "/#problems")) { (now.problems.len()) } }
    }
}

fn age(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    span(now.signed_duration_since(at).max(TimeDelta::zero()))
}

/// A rate with as many digits as say something.
fn per_second(rate: f64) -> String {
    if rate >= 10.0 { number(rate.round() as i64) } else { format!("{rate:.1}") }
}

fn problems(ask: &Ask, rows: &[Row]) -> Markup {
    let of = |row: &Row| -> Vec<(String, Problem)> {
        let problems = row.now().map(|now| now.problems.to_vec()).unwrap_or_default();
        problems.into_iter().map(|problem| (row.name.clone(), problem)).collect()
    };
    let mut found: Vec<(String, Problem)> = rows.iter().flat_map(of).collect();
    found.sort_by_key(|(_, problem)| problem.severity);
    let body = html! {
        @if found.is_empty() { (empty("Nothing is wrong with those that answer.", "")) }
        @else { ul.probs { @for (server, problem) in &found { (one(ask, server, problem)) } } }
    };
    section("Problems", "", "", body)
}

fn one(ask: &Ask, server: &str, problem: &Problem) -> Markup {
    let shape = if problem.severity == Severity::Error { "lost" } else { "warn" };
    html! {
        li {
            (icon(shape))
            div {
                p { a href=(ask.link_on(server, "/")) { (server) } ": " (problem.message) }
                p { code { (problem.code) } " " (with_code(&problem.remedy)) }
            }
        }
    }
}

/// A search: to the job, where its id was typed and a server has it; else to the search of each server.
pub(in crate::web::dashboard) async fn find(ask: &Ask) -> Result<View, Failed> {
    let typed = ask.get("q").map(str::trim).unwrap_or_default();
    if let Some(server) = holder(ask, typed).await {
        return Ok(View::go(format!("/s/{}/jobs/{}", encode(&server), encode(typed))));
    }
    let query = format!("/jobs?q={}", encode(typed));
    let main = html! {
        div.page-head { h1 { "Jobs" } }
        p.say { "Each server has its own jobs. Search on:" }
        ul.steps.sec { @for name in ask.site.names.iter() { li { a href=(ask.link_on(name, &query)) { (name) } } } }
    };
    Ok(View::still("Jobs", main))
}

/// The server that has this job, of those that answered lately.
async fn holder(ask: &Ask, typed: &str) -> Option<String> {
    let id: JobId = typed.parse().ok()?;
    let asked: Vec<_> = ask.site.over.iter().map(|site| has(site.clone(), id.clone())).collect();
    join_all(asked).await.into_iter().flatten().next()
}

/// The name of the server, if it has this job.
async fn has(site: Arc<Site>, id: JobId) -> Option<String> {
    if site.look(PATIENCE).await.trouble.is_some() {
        return None;
    }
    in_time(inspect::explain(site.reads(), &id)).await.ok().and_then(|_| site.server.clone())
}
