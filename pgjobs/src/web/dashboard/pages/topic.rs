//! One topic: what waits and runs of its tasks, what ended, what fails, and whether it is paused.

use maud::{Markup, html};

use super::parts::{Range, button, durations, figure, no_statistics, percent, throughput};
use super::{errors, topics};
use crate::db;
use crate::inspect::{StatisticsRow, TaskCounts};
use crate::types::topic::Topic;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::Unit;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, live, section, table};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, number, span};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let topic: Topic = ask.param("name").parse().map_err(Failed::from)?;
    let range = Range::of(ask);
    let mut tx = ask.read().await?;
    let since = Some(range.since(ask.now()));
    let rows = db::statistics::statistics(&mut tx, Some(topic.as_str()), since, None, None).await?;
    tx.commit().await?;
    let groups = if ask.may(Verb::Retry) { errors::of_task(ask, topic.as_str()).await } else { Vec::new() };
    let tasks: Vec<&TaskCounts> = ask.snapshot.counts.iter().filter(|task| topic.holds(&task.task)).collect();
    let main = html! {
        p.crumb { a href=(ask.link("/topics")) { "Topics" } }
        (live("head", head(ask, &topic)))
        (live("figures", figures(ask, range, &tasks, &rows)))
        (live("charts", charts(ask, range, &rows)))
        (live("tasks", section("Its tasks", html! { p { "counts stop at 10,000" } }, "", list(ask, &tasks))))
        @if !groups.is_empty() { (section("What fails", html! { p { "last 24 hours" } }, "", errors::list(ask, &groups, true))) }
    };
    Ok(View::live(topic.as_str().to_owned(), main))
}

fn head(ask: &Ask, topic: &Topic) -> Markup {
    let name = topic.as_str();
    let paused = ask.snapshot.pauses.iter().find(|pause| pause.topic == name);
    let fields = [("topic", name)];
    html! {
        div.page-head {
            h1 { (name) }
            @if let Some(pause) = paused { p { (topics::said(ask, pause)) } }
            div.end.acts {
                a.btn href=(ask.link_with("/jobs", [("task", name)])) { "Its jobs" }
                @match paused {
                    Some(_) => { (button(ask, Verb::Pause, "/topics/resume", "Resume", &format!("Resume {name}"), &fields)) }
                    None if ask.may(Verb::Pause) => { a.btn href=(ask.link_with("/topics", fields)) { "Pause…" } }
                    None => {}
                }
            }
        }
    }
}

fn figures(ask: &Ask, range: Range, tasks: &[&TaskCounts], rows: &[StatisticsRow]) -> Markup {
    let open = |of: fn(&TaskCounts) -> i64| tasks.iter().map(|task| of(task)).sum::<i64>();
    let sum = |of: fn(&StatisticsRow) -> i64| rows.iter().map(of).sum::<i64>();
    let failed = sum(|row| row.failed);
    let ended = sum(|row| row.success) + failed + sum(|row| row.cancelled);
    let oldest = tasks.iter().filter_map(|task| task.oldest_ready).min();
    html! {
        dl.figs {
            (figure("Ready", count(open(|task| task.ready)), html! { (count(open(|task| task.scheduled))) " scheduled" }))
            (figure("Running", count(open(|task| task.running)), html! { (number(tasks.len() as i64)) " tasks" }))
            (figure("Oldest", oldest.map_or("–".to_owned(), |at| span(ask.now() - at)), "waits, and is ready"))
            (figure("Ended", number(ended), html! { (range.words()) ", " (Unit::PerSecond.said(ended as f64 / range.seconds())) }))
            (figure("Failed", html! { (percent(failed, ended)) " " small { "%" } }, html! { (number(failed)) " jobs" }))
        }
    }
}

fn charts(ask: &Ask, range: Range, rows: &[StatisticsRow]) -> Markup {
    let is_empty = rows.iter().all(|row| row.success + row.failed + row.cancelled == 0);
    let body = html! { @if is_empty { (no_statistics(ask)) } @else { (throughput(rows, ask.now())) } };
    html! {
        (section("Throughput", html! { p { (range.words()) } }, range.links(ask), body))
        @if !is_empty { (section("Wait before the run", html! { p { (range.words()) } }, "", durations("Wait before the run", rows, |row| row.wait))) }
    }
}

fn list(ask: &Ask, tasks: &[&TaskCounts]) -> Markup {
    let head = html! {
        th scope="col" { "task" } th.num scope="col" { "ready" } th.num.p1 scope="col" { "running" } th.num scope="col" { "oldest" }
        th.num.p2 scope="col" { "scheduled" } th.num.p2 scope="col" { "failed" }
    };
    let cell =
        |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
    let rows = html! {
        @for task in tasks {
            tr {
                th.cut scope="row" { a href=(ask.link_to("/tasks/", &task.task)) { (task.task) } }
                (cell(task.ready, "")) (cell(task.running, "p1"))
                td.num { (task.oldest_ready.map_or("–".to_owned(), |at| span(ask.now() - at))) }
                (cell(task.scheduled, "p2")) (cell(task.failed, "p2"))
            }
        }
    };
    html! { @if tasks.is_empty() { (empty("No job of it is open, and none has ended lately.", "")) } @else { (table("Tasks", head, rows)) } }
}
