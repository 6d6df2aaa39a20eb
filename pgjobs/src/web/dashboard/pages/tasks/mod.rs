//! Tasks: how each is doing.

mod form;
mod one;
mod publish;

use std::collections::HashMap;

use maud::{Markup, html};

use super::parts::{Range, no_statistics, percent};
use crate::db;
use crate::inspect::{TaskCounts, TaskRow, TaskStatistics};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::{Unit, range, range_axis, spark};
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, icon, live, table};
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, counted};

pub(in crate::web::dashboard) use one::show as one;
pub(in crate::web::dashboard) use publish::publish;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let time = Range::of(ask);
    let mut tx = ask.read().await?;
    let tasks = db::inspect::signatures(&mut tx).await?;
    let statistics = db::statistics::of_tasks(&mut tx, None, Some(time.since(ask.now())), None).await?;
    tx.commit().await?;
    let statistics: HashMap<&str, &TaskStatistics> =
        statistics.iter().map(|row| (row.task.as_str(), row)).collect();
    let counts: HashMap<&str, &TaskCounts> =
        ask.snapshot.counts.iter().map(|row| (row.task.as_str(), row)).collect();
    let with_worker = tasks.iter().filter(|task| task.workers > 0).count();
    let body = html! {
        @if tasks.is_empty() {
            (empty("No task is declared yet.", html! { p { "A worker declares its tasks when it starts: " code { "pgjobs worker" } "." } }))
        } @else {
            (table("Tasks", head(), rows(ask, time, &tasks, &statistics, &counts)))
            @if statistics.is_empty() { (no_statistics(ask)) }
        }
    };
    let main = html! {
        div.page-head {
            h1 { "Tasks" }
            p { (counted(tasks.len() as i64, "task", "tasks")) ", " (with_worker) " with a live worker. Figures of the " (time.words()) "." }
            div.end { (time.links(ask)) }
        }
        (live("tasks", body))
    };
    Ok(View::live("Tasks", main))
}

fn head() -> Markup {
    html! {
        th scope="col" { "task" } th.num scope="col" { "ready" } th.num.p1 scope="col" { "running" } th.num.p1 scope="col" { "ended / s" }
        th.p2 scope="col" { "run time: median, p95, p99, timeout" (range_axis()) }
        th.num scope="col" { "p95 run" } th.num.p2 scope="col" { "p95 wait" } th.num.p1 scope="col" { "failed %" } th.p3 scope="col" { "ended" }
    }
}

fn rows(
    ask: &Ask,
    time: Range,
    tasks: &[TaskRow],
    statistics: &HashMap<&str, &TaskStatistics>,
    counts: &HashMap<&str, &TaskCounts>,
) -> Markup {
    html! {
        @for task in tasks {
            (row(ask, time, task, statistics.get(task.name.as_str()).copied(), counts.get(task.name.as_str()).copied()))
        }
    }
}

fn row(
    ask: &Ask,
    time: Range,
    task: &TaskRow,
    found: Option<&TaskStatistics>,
    counts: Option<&TaskCounts>,
) -> Markup {
    let ended = found.map_or(0, |found| found.success + found.failed + found.cancelled);
    let run = found.and_then(|found| found.run);
    let wait = found.and_then(|found| found.wait);
    let said = |seconds: Option<f64>| seconds.map_or("–".to_owned(), |seconds| Unit::Seconds.said(seconds));
    let number =
        |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
    let values: Vec<f64> =
        found.map(|found| found.ended.iter().map(|n| *n as f64).collect()).unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                a href=(ask.link_to("/tasks/", &task.name)) { (task.name) }
                span.sub.mono { (signature(task)) }
                (state(task))
            }
            (number(counts.map_or(0, |counts| counts.ready), "")) (number(counts.map_or(0, |counts| counts.running), "p1"))
            td class={ "num p1" @if ended == 0 { " zero" } } { (Unit::PerSecond.said(ended as f64 / time.seconds())) }
            td.p2 { @if let Some(run) = run { (range(run.p50, run.p95, run.p99, task.timeout)) } }
            td class={ "num" @if run.is_none() { " zero" } } { (said(run.map(|run| run.p95))) }
            td class={ "num p2" @if wait.is_none() { " zero" } } { (said(wait.map(|wait| wait.p95))) }
            td class={ "num p1" @if found.is_none_or(|found| found.failed == 0) { " zero" } } { (found.map_or("–".to_owned(), |found| percent(found.failed, ended))) }
            td.p3 { @if !values.is_empty() { (spark(&values, &format!("jobs that ended, {}", time.words()))) } }
        }
    }
}

/// What needs a word beside the name.
fn state(task: &TaskRow) -> Markup {
    html! {
        @if task.paused { span.sub { span.s-paused { (icon("paused")) " paused" } } }
        @if task.workers == 0 && task.declared { span.sub { span.s-warn { (icon("warn")) " no live worker claims it" } } }
        @if !task.declared { span.sub { span.s-warn { (icon("warn")) " undeclared: no worker has named it" } } }
    }
}

/// `(user_id, locale = …)`: the parameters, and which of them may be absent.
pub(super) fn signature(task: &TaskRow) -> String {
    let Some(params) = &task.params else { return String::new() };
    let mut words: Vec<String> = params
        .iter()
        .map(|param| if param.required { param.name.clone() } else { format!("{} = …", param.name) })
        .collect();
    if task.extra_kwargs {
        words.push("…".to_owned());
    }
    format!("({})", words.join(", "))
}
