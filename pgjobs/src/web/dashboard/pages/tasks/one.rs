//! One task: what it takes, how it is doing, and a form that publishes a job of it.

use maud::{Markup, html};

use super::form::{Given, form};
use super::signature;
use crate::db;
use crate::inspect::{ErrorGroup, StatisticsRow, TaskRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::Unit;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{fact, icon, live, section};
use crate::web::dashboard::pages::errors;
use crate::web::dashboard::pages::parts::{Range, durations, figure, no_statistics, percent, throughput};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, number};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let task = find(ask).await?;
    view(ask, &task, &Given::default()).await
}

/// The task of the path, or 404.
pub(super) async fn find(ask: &Ask) -> Result<TaskRow, Failed> {
    let mut tx = ask.read().await?;
    let tasks = db::inspect::tasks(&mut tx).await?;
    tx.commit().await?;
    let name = ask.param("name");
    tasks.into_iter().find(|task| task.name == name).ok_or_else(|| {
        Failed::missing(format!(
            "No task {name} is declared, and no job of it is ready. /tasks lists those that are."
        ))
    })
}

/// The page, with what was given in the form.
pub(super) async fn view(ask: &Ask, task: &TaskRow, given: &Given) -> Result<View, Failed> {
    let time = Range::of(ask);
    let mut tx = ask.read().await?;
    let rows = db::statistics::statistics(&mut tx, Some(&task.name), Some(time.since(ask.now())), None, None)
        .await?;
    tx.commit().await?;
    let groups = if ask.may(Verb::Retry) { errors::of_task(ask, &task.name).await } else { Vec::new() };
    let main = html! {
        p.crumb { a href=(ask.link("/tasks")) { "Tasks" } }
        div.page-head {
            h1 { (task.name) }
            p { (task.doc.lines().next().unwrap_or_default()) }
            div.end.acts { a.btn href=(ask.link_with("/jobs", [("task", task.name.as_str())])) { "Its jobs" } }
        }
        pre tabindex="0" { (declaration(task)) }
        (live("figures", figures(ask, task, time, &rows)))
        (live("charts", charts(ask, time, &rows)))
        @if !groups.is_empty() { (fails(ask, &groups)) }
        div.cols.side {
            @if ask.may(Verb::Publish) { (section("Publish a job", html! { p { "made from the schema; refused in the words of the database" } }, "", form(ask, task, given))) }
            (section("Facts", "", "", facts(ask, task)))
        }
        (schema(task))
    };
    Ok(View::live(task.name.clone(), main))
}

fn declaration(task: &TaskRow) -> String {
    let Some(params) = &task.params else { return format!("{}: its arguments are not declared", task.name) };
    let words: Vec<String> = params
        .iter()
        .map(|param| format!("{}{}: {}", param.name, if param.required { "" } else { "?" }, param.ty))
        .collect();
    format!("{}({})", task.name, words.join(", "))
}

fn figures(ask: &Ask, task: &TaskRow, time: Range, rows: &[StatisticsRow]) -> Markup {
    let counts = ask.snapshot.counts.iter().find(|counts| counts.task == task.name);
    let sum = |of: fn(&StatisticsRow) -> i64| rows.iter().map(of).sum::<i64>();
    let (success, failed) = (sum(|row| row.success), sum(|row| row.failed));
    let ended = success + failed + sum(|row| row.cancelled);
    let last = rows.iter().rev().find_map(|row| row.run.zip(row.wait));
    html! {
        dl.figs {
            (figure("Ready", count(counts.map_or(0, |counts| counts.ready)), html! { (count(counts.map_or(0, |counts| counts.running))) " running" }))
            (figure("Ended", number(ended), html! { (time.words()) ", " (Unit::PerSecond.said(ended as f64 / time.seconds())) }))
            (figure("Failed", html! { (percent(failed, ended)) " " small { "%" } }, html! { (number(failed)) " jobs" }))
            @if let Some((run, wait)) = last {
                (figure("Run, median", Unit::Seconds.said(run.p50), html! { "p95 " (Unit::Seconds.said(run.p95)) ", p99 " (Unit::Seconds.said(run.p99)) }))
                (figure("Wait, p95", Unit::Seconds.said(wait.p95), html! { "median " (Unit::Seconds.said(wait.p50)) }))
            }
            (figure("Workers", number(task.workers), if task.workers == 0 { "none claims it" } else { "alive, with this task" }))
        }
    }
}

fn charts(ask: &Ask, time: Range, rows: &[StatisticsRow]) -> Markup {
    let is_empty = rows.iter().all(|row| row.success + row.failed + row.cancelled == 0);
    let body = html! {
        @if is_empty { (no_statistics(ask)) } @else { (throughput(rows, ask.now())) }
    };
    html! {
        (section("Throughput", html! { p { (time.words()) } }, time.links(ask), body))
        @if !is_empty {
            div.cols.two {
                (section("Wait before the run", html! { p { (time.words()) } }, "", durations("Wait before the run", rows, |row| row.wait)))
                (section("Run time", html! { p { (time.words()) } }, "", durations("Run time", rows, |row| row.run)))
            }
        }
    }
}

fn fails(ask: &Ask, groups: &[ErrorGroup]) -> Markup {
    section(
        "What fails",
        html! { p { "last 24 hours" } },
        html! { a href=(ask.link("/errors")) { "All errors" } },
        errors::list(ask, groups, false),
    )
}

fn facts(ask: &Ask, task: &TaskRow) -> Markup {
    let aliases = (!task.aliases.is_empty()).then(|| task.aliases.join(", "));
    html! {
        dl.facts {
            (fact("Runs", task.retries.map(|runs| html! { "at most " (runs) " for each job" })))
            (fact("Timeout", task.timeout.map(|timeout| Unit::Seconds.said(timeout))))
            (fact("Has to end", task.slo.map(|slo| html! { "within " (Unit::Seconds.said(slo)) " after it is due" })))
            (fact("Priority", task.priority))
            (fact("Arguments", task.validation.map(|validation| format!("validated: {}", validation.as_str()))))
            (fact("Unique by", task.unique.as_ref().map(|unique| html! { code { (unique.get()) } })))
            (fact("Keeps", task.keep.map(|keep| keep.as_str())))
            (fact("Also called", aliases))
            (fact("Paused", task.paused.then(|| html! { a href=(ask.link("/topics")) { span.s-paused { (icon("paused")) " by a topic" } } })))
            (fact("Signature", (!signature(task).is_empty()).then(|| html! { code { (signature(task)) } })))
        }
    }
}

/// The documentation and the schemas as they are.
fn schema(task: &TaskRow) -> Markup {
    let pretty = |raw: &serde_json::value::RawValue| {
        let value: Result<serde_json::Value, _> = serde_json::from_str(raw.get());
        value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| raw.get().to_owned())
    };
    html! {
        @if task.doc.lines().count() > 1 { (section("Documentation", "", "", html! { pre tabindex="0" { (task.doc) } })) }
        @if let Some(args) = &task.args_schema {
            details { summary { "Schema of the arguments" } pre tabindex="0" { (pretty(args)) } }
        }
        @if let Some(result) = &task.result_schema {
            details { summary { "Schema of the result" } pre tabindex="0" { (pretty(result)) } }
        }
    }
}
