//! Errors of failed jobs in groups, and their repair.

use chrono::TimeDelta;
use maud::{Markup, html};

use super::parts::Range;
use crate::db;
use crate::inspect::ErrorGroup;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, table, time};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{counted, number};

/// So many groups are shown.
const MOST: i32 = 100;
/// So many failed jobs are looked at: a tenth of a second of the server where all errors differ.
const WINDOW: i32 = 5_000;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let range = ask.get("range").map_or(Range::Day, |_| Range::of(ask));
    let mut tx = ask.read().await?;
    let groups =
        db::statistics::errors(&mut tx, ask.get("topic"), Some(range.since(ask.now())), MOST, WINDOW).await?;
    tx.commit().await?;
    let jobs: i64 = groups.iter().map(|group| group.jobs).sum();
    let window =
        if groups.iter().all(|group| group.exact) { "" } else { " among the newest 5,000; there are more" };
    let main = html! {
        div.page-head {
            h1 { "Errors" }
            p { (counted(jobs, "failed job", "failed jobs")) ", " (range.words()) (window) ". Numbers, ids and quoted text are left out of a group's name." }
            div.end { (range.links(ask)) }
        }
        @if groups.is_empty() { (empty("No job failed in this time.", "")) } @else { (list(ask, &groups, true)) }
    };
    Ok(View::still("Errors", main))
}

/// The groups of a task, for its page: none where the viewer's database role may not see errors, since the
/// page has more to show.
pub(super) async fn of_task(ask: &Ask, task: &str) -> Vec<ErrorGroup> {
    let found = async {
        let mut tx = ask.read().await?;
        let groups =
            db::statistics::errors(&mut tx, Some(task), Some(ask.now() - TimeDelta::days(1)), 10, WINDOW)
                .await?;
        Ok::<_, Failed>(groups)
    };
    found.await.unwrap_or_default()
}

/// A table of groups; the task is the link to a search, the buttons lead to a preview.
pub(super) fn list(ask: &Ask, groups: &[ErrorGroup], with_task: bool) -> Markup {
    let now = ask.now();
    let head = html! {
        th scope="col" { "error, as grouped" } th.num scope="col" { "jobs" } th.num.p2 scope="col" { "first" }
        th.num.p1 scope="col" { "last" } th.p2 scope="col" { "example" } th scope="col" { span.vh { "actions" } }
    };
    let rows = html! {
        @for group in groups {
            tr {
                th scope="row" class="cut wide" {
                    a href=(ask.link_with("/jobs", [("state", "failed"), ("task", group.task.as_str()), ("error", group.error.as_str())])) {
                        @if with_task { (group.task) } @else if group.error.is_empty() { "no text" } @else { (group.error) }
                    }
                    @if with_task { span.sub { @if group.error.is_empty() { "no text" } @else { (group.error) } } }
                }
                td.num { (number(group.jobs)) }
                td.num.dim.p2 { (time(now, group.first_at)) } td.num.dim.p1 { (time(now, group.last_at)) }
                td.p2 { a.mono href=(ask.link_to("/jobs/", &group.example)) { (group.example.chars().take(12).collect::<String>()) "…" } }
                td.nowrap { (repair(ask, group)) }
            }
        }
    };
    table("Errors", head, rows)
}

/// Links to the preview of an operation over the group.
fn repair(ask: &Ask, group: &ErrorGroup) -> Markup {
    let link = |kind: &'static str| {
        let query = [
            ("all", "1"),
            ("do", kind),
            ("state", "failed"),
            ("task", group.task.as_str()),
            ("error", group.error.as_str()),
        ];
        ask.link_with("/jobs/act", query.into_iter().filter(|(_, value)| !value.is_empty()))
    };
    let label = |verb: &str| {
        format!("{verb} {} of {}: {}", counted(group.jobs, "job", "jobs"), group.task, group.error)
    };
    html! {
        @if ask.may(Verb::Retry) { a.btn.bare href=(link("retry")) aria-label=(label("Retry")) { "Retry…" } " " }
        @if ask.may(Verb::Redrive) { a.btn.bare href=(link("redrive")) aria-label=(label("Publish anew")) { "Publish anew…" } }
    }
}
