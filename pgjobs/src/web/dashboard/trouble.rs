//! The pages of errors: what happened, what it means for jobs, what to do.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::failed::Failed;
use super::html::command;
use super::snapshot::Snapshot;
use super::view::View;
use super::words::{count, exact};

/// The page of a failure; `last` is what could be read before.
pub(super) fn view(failed: &Failed, last: Option<&Snapshot>) -> View {
    let status = failed.code();
    let (title, main) = match status {
        _ if failed.is_away() => ("The database does not answer", away(failed, last)),
        StatusCode::NOT_FOUND => ("Not found", plain("Not found", failed)),
        StatusCode::FORBIDDEN => ("Not permitted", plain("Not permitted", failed)),
        StatusCode::SERVICE_UNAVAILABLE => ("It took too long", slow()),
        _ => ("It was refused", plain("It was refused", failed)),
    };
    View { status, ..View::still(title, main) }
}

fn plain(title: &str, failed: &Failed) -> Markup {
    html! {
        div.page-head { h1 { (title) } }
        div.why.calm { p.say { (failed.words()) } }
    }
}

fn slow() -> Markup {
    html! {
        div.page-head { h1 { "It took too long" } }
        div.why.s-backoff {
            p.say { "The database needed more than " b { "2 seconds" } " for this page, so the page gave up. No job is affected." }
            ul { li { "A narrower search needs less; " code { "pgjobs doctor" } " says what slows the database down." } }
        }
    }
}

fn away(failed: &Failed, last: Option<&Snapshot>) -> Markup {
    html! {
        div.page-head { h1 { "The database does not answer" } }
        div.banner {
            p.say { "This page cannot reach PostgreSQL. " b { "No job is lost:" } " what was committed is in the database." }
            p { "Until it answers nothing is published and no worker takes new jobs. Runs that are at work go on; their workers \
                 report how they ended when it is back, and what was lost with a worker runs again." }
            p { (failed.words()) }
            (command("pgjobs doctor"))
        }
        @if let Some(last) = last { (stale(last)) }
    }
}

fn stale(last: &Snapshot) -> Markup {
    let sum = |of: fn(&crate::inspect::TaskCounts) -> i64| count(last.counts.iter().map(of).sum());
    html! {
        section.sec.stale {
            header { h2 { "As it was at " (exact(last.at)) } }
            dl.figs {
                div { dt { "Ready" } dd { (sum(|counts| counts.ready)) } }
                div { dt { "Running" } dd { (sum(|counts| counts.running)) } }
                div { dt { "Scheduled" } dd { (sum(|counts| counts.scheduled)) } }
            }
        }
    }
}
