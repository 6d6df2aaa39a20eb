//! Limits: how much of each is in use, what they keep back, and their keys.

mod change;
mod one;

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::parts::button;
use crate::db::limit as db;
use crate::limits::words::in_words;
use crate::limits::{BlockedKeyRow, LimitRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, gauge, live, section, table, time};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, counted};

pub(in crate::web::dashboard) use change::{block, drop, release, set};
pub(in crate::web::dashboard) use one::one;

/// The most keys on a page.
const KEYS: i32 = 50;

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    let mut tx = ask.read().await?;
    let limits = db::list(&mut tx, None).await?;
    let held_up = if limits.is_empty() { vec![] } else { db::blocked_keys(&mut tx, None, KEYS).await? };
    tx.commit().await?;
    let main = html! {
        div.page-head {
            h1 { "Limits" }
            p { (counted(limits.len() as i64, "limit", "limits")) ". How many jobs run at once, how often they start, and in which order, in all workers together." }
        }
        (live("limits", section("In use", "", "", list(ask, &limits))))
        @if !held_up.is_empty() { (live("held-up", section("Keys that hold up their jobs", "", "", blocked(ask, &held_up)))) }
        @if ask.may(Verb::Limit) { (section("Make a limit", html! { p { "what is left empty stays as it is" } }, "", one::set_form(ask, None))) }
    };
    Ok(View::live("Limits", main))
}

fn list(ask: &Ask, limits: &[LimitRow]) -> Markup {
    let head = html! {
        th scope="col" { "limit" } th scope="col" { "allows" } th.num scope="col" { "held" } th.p2 scope="col" { span.vh { "use" } }
        th.num scope="col" { "blocked" } th.num.p1 scope="col" { "keys" } th.num.p2 scope="col" { "closed" }
    };
    let cell =
        |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
    let rows = html! {
        @for limit in limits {
            tr {
                th scope="row" { a href=(ask.link_to("/limits/", &limit.name)) { (limit.name) } span.sub { (limit.topic) (by_key(limit)) } }
                td { (in_words(limit)) } (cell(limit.held, "")) td.p2 { (used(limit)) }
                (cell(limit.blocked, "")) (cell(limit.keys, "p1")) (cell(limit.closed, "p2"))
            }
        }
    };
    html! { @if limits.is_empty() { (empty("There are no limits.", "")) } @else { (table("Limits", head, rows)) } }
}

fn by_key(limit: &LimitRow) -> Markup {
    html! { @if let Some(key) = &limit.key { " by " (key.join(", ")) } }
}

/// The slots in use where there is one number of them.
fn used(limit: &LimitRow) -> Markup {
    html! { @if let (None, Some(max)) = (&limit.key, limit.max) { (gauge(limit.held, i64::from(max))) } }
}

fn blocked(ask: &Ask, keys: &[BlockedKeyRow]) -> Markup {
    let head = html! {
        th scope="col" { "key" } th scope="col" { "why" } th.num scope="col" { "blocked" } th.num.p1 scope="col" { "waits" } th scope="col" { span.vh { "actions" } }
    };
    let rows = html! {
        @for key in keys {
            tr {
                th scope="row" { span.mono { (key.key.get()) } span.sub { a href=(ask.link_to("/limits/", &key.name)) { (key.name) } } }
                td { (why(ask, key)) } td.num { (count(key.blocked)) }
                td.num.p1 { @if let Some(oldest) = key.oldest { (time(ask.now(), oldest)) } @else { "–" } }
                td.nowrap { @if key.closed_by.is_none() || key.closed_until.is_none_or(|until| is_open_end(ask, until)) { (release_button(ask, &key.name, key.key.get())) } }
            }
        }
    };
    table("Keys that hold up their jobs", head, rows)
}

fn why(ask: &Ask, key: &BlockedKeyRow) -> Markup {
    html! {
        (key.reason.as_deref().unwrap_or("closed"))
        span.sub {
            @if let Some(job) = &key.closed_by { "by job " a href=(ask.link_to("/jobs/", job)) { (job) } " " }
            (until(ask, key.closed_until))
        }
    }
}

fn is_open_end(ask: &Ask, until: DateTime<Utc>) -> bool {
    until - ask.now() > TimeDelta::days(36_500)
}

fn until(ask: &Ask, at: Option<DateTime<Utc>>) -> Markup {
    html! {
        @match at {
            Some(at) if is_open_end(ask, at) => "until it is released",
            Some(at) => { "until " (time(ask.now(), at)) }
            None => "–",
        }
    }
}

/// A key with a value that is not shown cannot be said from here.
fn release_button(ask: &Ask, name: &str, key: &str) -> Markup {
    let fields = [("name", name), ("key", key)];
    html! { @if !key.contains("(sensitive)") { (button(ask, Verb::Limit, "/limits/release", "Release", &format!("Release {key} of {name}"), &fields)) } }
}
