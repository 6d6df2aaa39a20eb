//! The table of a list of jobs: its columns depend on the state.

use maud::{Markup, html};

use super::filter::Filter;
use crate::db::dashboard::search::Found;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::html::{self, state, time};
use crate::web::dashboard::words::span;

pub(super) fn table(ask: &Ask, filter: &Filter, jobs: &[Found]) -> Markup {
    let with_error = ["failed", "cancelled", "backoff"].contains(&filter.state);
    let head = html! {
        th scope="col" { label.tick { span.vh { "Select all on this page" } input type="checkbox" id="all-rows" data-kept; } }
        th scope="col" { "task and arguments" }
        @if filter.state == "open" { th.p1 scope="col" { "state" } }
        @if with_error { th.p2 scope="col" { "last error" } }
        th.num.p2 scope="col" { "attempts" }
        @if filter.is_ended() { th.num.p3 scope="col" { "last run took" } }
        th.num scope="col" aria-sort=[filter.is_ended().then_some("descending")] { (when(filter.state)) }
        th.p3 scope="col" { "id" }
    };
    let rows = html! { @for job in jobs { (row(ask, filter, job, with_error)) } };
    html::table("Jobs", head, rows)
}

/// What the column of the time says.
fn when(state: &str) -> &'static str {
    match state {
        "scheduled" | "backoff" => "due",
        "running" => "runs since",
        "success" | "failed" | "cancelled" => "ended",
        _ => "published",
    }
}

fn row(ask: &Ask, filter: &Filter, job: &Found, with_error: bool) -> Markup {
    let id = job.job_id.as_str();
    let at = match filter.state {
        "scheduled" | "backoff" => job.scheduled_at,
        "running" => job.run_at,
        _ => job.complete_on,
    };
    let took = job.complete_on.zip(job.run_at).map(|(end, start)| span(end.signed_duration_since(start)));
    html! {
        tr id={ "job-" (id) } {
            td { label.tick { span.vh { "Select " (job.task) " " (id) } input type="checkbox" name="id" value=(id) autocomplete="off"; } }
            th.cut scope="row" {
                a href=(ask.link_to("/jobs/", id)) { (job.task) }
                @if let Some(arguments) = &job.arguments { span.sub { (short(arguments)) } }
            }
            @if filter.state == "open" { td.p1 { (state(&job.state)) } }
            @if with_error { td.cut.p2 { (job.error.as_deref().unwrap_or("–").lines().next().unwrap_or("–")) } }
            td.num.p2 { (job.retries) " of " (job.max_retries) }
            @if filter.is_ended() { td.num.p3 { (took.as_deref().unwrap_or("–")) } }
            td.num { (time(ask.now(), at.unwrap_or(job.created_at))) }
            td.mono.p3.dim.nowrap { (id) }
        }
    }
}

/// Arguments on one line: what is between the outer braces.
fn short(arguments: &str) -> String {
    let text = arguments.replace(r#""args": [], "#, "").replace(r#", "kwargs": {}"#, "");
    let cut: String = text.chars().take(160).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}
