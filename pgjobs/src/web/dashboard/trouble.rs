//! The pages of errors: what happened, what it means for jobs, what to do.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::failed::Failed;
use super::html::command;
use super::snapshot::Snapshot;
use super::view::View;
use super::words::{count, exact};

/// The page of a failure; `last` is what could be read before, `of_standby` whether a standby was read.
pub(super) fn view(failed: &Failed, last: Option<&Snapshot>, of_standby: bool) -> View {
    let status = failed.code();
    let (title, main) = match status {
        _ if failed.is_away() && of_standby => ("The standby does not answer", standby_away(failed, last)),
        _ if failed.is_recovery_conflict() => {
            ("The standby ended the query", plain("The standby ended the query", failed))
        }
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

fn standby_away(failed: &Failed, last: Option<&Snapshot>) -> Markup {
    html! {
        div.page-head { h1 { "The standby does not answer" } }
        div.banner {
            p.say { "This dashboard reads from a standby, which it cannot reach. " b { "Jobs are not affected:" } " they are published and run on the primary." }
            p { "The primary is not read instead, since the standby is there to keep readers away from it. Whoever needs a page now starts a \
                 dashboard without --read-dsn and PGJOBS_READ_DSN:" }
            p { (failed.words()) }
            (command("pgjobs dashboard"))
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
