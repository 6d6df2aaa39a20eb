//! The first page: whether work keeps up, and what needs somebody.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use crate::inspect::{Problem, Severity, TaskCounts, WorkerRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, gauge, icon, live, section, state, table, with_code};
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{MOST, count, counted, number, said, span};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let main = html! {
        h1.vh { "Overview" }
        @if ask.snapshot.counts.is_empty() && ask.snapshot.workers.is_empty() {
            (live("now", first_steps()))
        } @else {
            (live("now", html! { (sentence(ask)) (figures(ask)) }))
            div.cols.side {
                (live("topics", topics(ask)))
                (live("problems", problems(ask)))
            }
            (live("workers", workers(ask)))
        }
    };
    Ok(View::live("Overview", main))
}

/// Sums over all tasks.
struct Sums {
    ready: i64,
    running: i64,
    scheduled: i64,
    failed: i64,
    oldest: Option<DateTime<Utc>>,
}

fn sums(counts: &[TaskCounts]) -> Sums {
    let sum = |of: fn(&TaskCounts) -> i64| counts.iter().map(of).sum();
    Sums {
        ready: sum(|task| task.ready),
        running: sum(|task| task.running),
        scheduled: sum(|task| task.scheduled),
        failed: sum(|task| task.failed),
        oldest: counts.iter().filter_map(|task| task.oldest_ready).min(),
    }
}

fn sentence(ask: &Ask) -> Markup {
    let sums = sums(&ask.snapshot.counts);
    let problems = ask.snapshot.problems.len();
    html! {
        p.say {
            @if let Some(rate) = ask.snapshot.rate { b { (per_second(rate)) } " jobs end a second. " }
            b { (count(sums.ready)) } @if sums.ready == 1 { " job is ready, " } @else { " jobs are ready, " }
            b { (number(sums.running)) } " running. "
            @match problems {
                0 => { "Nothing needs somebody." }
                1 => { "One thing needs somebody." }
                n => { (n) " things need somebody." }
            }
        }
    }
}

fn figures(ask: &Ask) -> Markup {
    let (sums, now) = (sums(&ask.snapshot.counts), ask.now());
    let alive: Vec<&WorkerRow> = ask.snapshot.workers.iter().filter(|worker| worker.alive).collect();
    let slots: i64 = alive.iter().map(|worker| i64::from(worker.slots)).sum();
    let age = sums.oldest.map(|at| now.signed_duration_since(at).max(TimeDelta::zero()));
    html! {
        dl.figs {
            (figure("Ready", html! { a href=(ask.link("/jobs?state=ready")) { (count(sums.ready)) } }, &format!("{} more are scheduled or in backoff", count(sums.scheduled))))
            (figure("Running", html! { a href=(ask.link("/jobs?state=running")) { (count(sums.running)) } " " small { "of " (number(slots)) " slots" } },
                    &format!("on {}", counted(alive.len() as i64, "worker", "workers"))))
            (figure("Oldest ready", html! { (age.map_or("–".to_owned(), span)) }, "since it was published"))
            (figure("Ended", html! { (ask.snapshot.rate.map_or("–".to_owned(), per_second)) " " small { "/ s" } }, "over the last minute"))
            (figure("Failed, last hour", html! { a href=(ask.link("/jobs?state=failed&since=1h")) { (ask.snapshot.flow.failed()) } }, &format!("{} in the history that is kept", count(sums.failed))))
            (figure("Time to drain", html! { (drain(&sums, ask.snapshot.rate)) }, "at the rate of the last minute"))
        }
    }
}

/// A rate with as many digits as say something.
fn per_second(rate: f64) -> String {
    if rate >= 10.0 { number(rate.round() as i64) } else { format!("{rate:.1}") }
}

/// How long the ready jobs take at this rate.
fn drain(sums: &Sums, rate: Option<f64>) -> String {
    match rate {
        _ if sums.ready == 0 => "0 s".to_owned(),
        Some(rate) if rate > 0.0 && sums.ready < MOST => {
            span(TimeDelta::milliseconds((sums.ready as f64 / rate * 1000.0).min(1e15) as i64))
        }
        _ => "–".to_owned(),
    }
}

fn figure(name: &str, value: Markup, beneath: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } dd { (beneath) } } }
}

/// The tasks, by the part of their names before the first dot.
fn topics(ask: &Ask) -> Markup {
    let now = ask.now();
    let head = html! {
        th scope="col" { "task" } th.num scope="col" { "ready" } th.num.p1 scope="col" { "running" }
        th.num scope="col" { "oldest" } th.num.p2 scope="col" { "scheduled" } th.num.p2 scope="col" { "failed" }
    };
    let cell =
        |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
    let rows = html! {
        @for task in &ask.snapshot.counts {
            tr {
                th scope="row" {
                    a href=(ask.link_with("/jobs", [("task", task.task.as_str())])) { (task.task) }
                    @if let Some(pause) = ask.snapshot.pauses.iter().find(|pause| pause.topic == task.task) {
                        span.sub { (icon("paused")) " Paused by " (pause.paused_by) }
                    }
                }
                (cell(task.ready, "")) (cell(task.running, "p1"))
                td.num { (task.oldest_ready.map_or("–".to_owned(), |at| span(now.signed_duration_since(at)))) }
                (cell(task.scheduled, "p2")) (cell(task.failed, "p2"))
            }
        }
    };
    section("Tasks", html! { p { "counts stop at 10,000" } }, "", table("Tasks", head, rows))
}

fn problems(ask: &Ask) -> Markup {
    let found = &ask.snapshot.problems;
    let body = html! {
        @if found.is_empty() { (empty("Nothing is wrong.", "")) } @else { ul.probs { @for problem in found.iter() { (one(problem)) } } }
    };
    section("Problems", "", "", body)
}

fn one(problem: &Problem) -> Markup {
    let shape = if problem.severity == Severity::Error { "lost" } else { "warn" };
    html! { li { (icon(shape)) div { p { (problem.message) } p { code { (problem.code) } " " (with_code(&problem.remedy)) } } } }
}

fn workers(ask: &Ask) -> Markup {
    let now = ask.now();
    let body = html! {
        @if ask.snapshot.workers.is_empty() {
            (empty("No worker is registered, so no job runs.", html! { p { code { "pgjobs worker" } " starts one." } }))
        }
        ul.strip {
            @for worker in &ask.snapshot.workers {
                li {
                    span.row { b { (worker.host) " " (worker.pid) } @if !worker.alive { (state("lost")) } }
                    (gauge(worker.held, i64::from(worker.slots)))
                    span.row { span { (worker.held) " of " (worker.slots) } span { (said(now.signed_duration_since(worker.heartbeat_at))) } }
                }
            }
        }
    };
    section("Workers", html! { p { "slots used, time since the last heartbeat" } }, "", body)
}

fn first_steps() -> Markup {
    html! {
        p.say { "Nothing was published yet, and no worker has registered." }
        ol.steps.sec {
            li { div { h2 { "Declare a task" } pre { "#[pgjobs::task]\nasync fn hello(name: String) -> Result<(), pgjobs::TaskError> { … }" } } }
            li { div { h2 { "Publish a job" } pre { "hello::publish(&pool, \"world\").await?;" } } }
            li { div { h2 { "Run a worker" } pre { "pgjobs::Worker::new(pool).run().await?;" } } }
        }
    }
}
