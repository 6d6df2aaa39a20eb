//! Limits: how much of each is in use, what they keep back, and their keys.

use chrono::TimeDelta;
use maud::{Markup, html};
use serde_json::Value;

use super::parts::{button, field, form};
use crate::db::limit as db;
use crate::limits::words::in_words;
use crate::limits::{BlockedKeyRow, Limit, LimitKeyRow, LimitRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::html::{empty, fact, gauge, live, section, table, time};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::{Done, View};
use crate::web::dashboard::words::{count, counted};

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
        @if ask.may(Verb::Limit) { (section("Make a limit", html! { p { "what is left empty stays as it is" } }, "", set_form(ask, None))) }
    };
    Ok(View::live("Limits", main))
}

fn list(ask: &Ask, limits: &[LimitRow]) -> Markup {
    let head = html! {
        th scope="col" { "limit" } th scope="col" { "allows" } th.num scope="col" { "held" } th.p2 scope="col" { span.vh { "use" } }
        th.num scope="col" { "blocked" } th.num.p1 scope="col" { "keys" } th.num.p2 scope="col" { "closed" }
    };
    let cell = |n: i64, class: &str| html! { td class={ "num " (class) @if n == 0 { " zero" } } { (count(n)) } };
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

fn is_open_end(ask: &Ask, until: chrono::DateTime<chrono::Utc>) -> bool {
    until - ask.now() > TimeDelta::days(36_500)
}

fn until(ask: &Ask, at: Option<chrono::DateTime<chrono::Utc>>) -> Markup {
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

pub(in crate::web::dashboard) async fn one(ask: &Ask) -> Result<View, Failed> {
    let name = ask.param("name");
    let mut tx = ask.read().await?;
    let Some(limit) = db::get(&mut tx, name).await? else {
        return Err(Failed::status(axum::http::StatusCode::NOT_FOUND, format!("there is no limit {name}")));
    };
    let keys = db::keys(&mut tx, name, KEYS).await?;
    tx.commit().await?;
    let main = html! {
        div.page-head { h1 { (limit.name) } p { (in_words(&limit)) } }
        (live("limit", facts(ask, &limit)))
        (live("keys", section("Keys", html! { p { "closed ones first, then those for which jobs wait" } }, "", key_list(ask, &limit, &keys))))
        @if ask.may(Verb::Limit) {
            (section("Change it", html! { p { "at once, also for the jobs that wait" } }, "", set_form(ask, Some(&limit))))
            (section("Close a key", "", "", block_form(ask, &limit)))
            (form(ask, Verb::Limit, "/limits/drop", "Drop the limit", "bad", html! { input type="hidden" name="name" value=(limit.name); }))
        }
    };
    Ok(View::live(limit.name.clone(), main))
}

fn facts(ask: &Ask, limit: &LimitRow) -> Markup {
    let declared = limit.declared_by.as_ref().map(|task| html! { a href=(ask.link_to("/tasks/", task)) { (task) } });
    html! {
        dl.facts {
            (fact("topic", Some(&limit.topic)))
            (fact("key", limit.key.as_ref().map(|key| key.join(", "))))
            (fact("held", Some(html! { (count(limit.held)) " " (used(limit)) })))
            (fact("blocked", Some(count(limit.blocked))))
            (fact("declared by", declared))
            (fact("changed", Some(html! { (time(ask.now(), limit.changed_at)) " by " (limit.changed_by) })))
        }
    }
}

fn key_list(ask: &Ask, limit: &LimitRow, keys: &[LimitKeyRow]) -> Markup {
    let head = html! {
        th scope="col" { "key" } th.num scope="col" { "held" } th.num scope="col" { "blocked" } th.p1 scope="col" { "closed" } th.p1 scope="col" { "next start" }
        th scope="col" { span.vh { "actions" } }
    };
    let rows = html! {
        @for key in keys {
            tr {
                th.mono scope="row" { (key.key.get()) } td.num { (count(i64::from(key.held))) } td.num { (count(key.blocked)) }
                td.p1 { @if key.closed_until.is_some() { (until(ask, key.closed_until)) } @if let Some(reason) = &key.reason { span.sub { (reason) } } }
                td.p1 { @if let Some(at) = key.next_at { (time(ask.now(), at)) } }
                td.nowrap { @if key.closed_until.is_some() { (release_button(ask, &limit.name, key.key.get())) } }
            }
        }
    };
    html! { @if keys.is_empty() { p.dim { "No key is in use." } } @else { (table("Keys", head, rows)) } }
}

fn set_form(ask: &Ask, limit: Option<&LimitRow>) -> Markup {
    let max = limit.and_then(|limit| limit.max).map(|max| max.to_string()).unwrap_or_default();
    let rates = limit.and_then(|limit| limit.rates.as_ref()).map(|rates| rates.join(", ")).unwrap_or_default();
    let fields = html! {
        @match limit {
            Some(limit) => { input type="hidden" name="name" value=(limit.name); }
            None => {
                (field("name", "name", "Name", "", ""))
                (field("topic", "topic", "Topic", "", "a task, or a pattern such as mail.*"))
                (field("key", "key", "Key", "", "arguments, such as customer; empty: all jobs together"))
            }
        }
        (field("max", "max", "Run at once", &max, "of each key"))
        (field("rates", "rates", "Start", &rates, "such as 100/s, 1000/h"))
    };
    form(ask, Verb::Limit, "/limits/set", "Set the limit", "main-act", fields)
}

fn block_form(ask: &Ask, limit: &LimitRow) -> Markup {
    let fields = html! {
        input type="hidden" name="name" value=(limit.name);
        @if let Some(key) = &limit.key { (field("block-key", "key", "Key", "", &format!("a value, or an array with those of {}", key.join(", ")))) }
        (field("minutes", "minutes", "For how many minutes", "", "no job of it starts meanwhile"))
        (field("why", "reason", "Why", "", "shown to everybody who asks why a job does not run"))
    };
    form(ask, Verb::Limit, "/limits/block", "Close the key", "", fields)
}

/// Makes or changes a limit. What is empty stays.
pub(in crate::web::dashboard) async fn set(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let name = name(fields)?;
    let mut limit = Limit::new(name);
    if let Some(topic) = fields.get("topic") {
        limit = limit.topic(topic);
    }
    if let Some(key) = fields.get("key") {
        limit = limit.key(parts(key));
    }
    if let Some(max) = fields.get("max") {
        limit = limit.max(max.trim().parse().map_err(|_| Failed::bad(format!("{max} is no number of jobs")))?);
    }
    limit = parts(fields.get("rates").unwrap_or_default()).fold(limit, Limit::rate);
    let mut tx = ask.write().await?;
    limit.save(&mut *tx).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name)))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Drops a limit.
pub(in crate::web::dashboard) async fn drop(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::remove(&mut *tx, name(fields)?).await?;
    tx.commit().await?;
    Ok(Done::Go("/limits".to_owned()))
}

/// Closes a key for some minutes.
pub(in crate::web::dashboard) async fn block(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let minutes = fields.get("minutes").unwrap_or_default().trim();
    let minutes: u32 = minutes.parse().map_err(|_| Failed::bad(format!("{minutes} is no number of minutes")))?;
    let until = ask.now() + TimeDelta::minutes(i64::from(minutes));
    let mut tx = ask.write().await?;
    db::block_key(&mut *tx, name(fields)?, &key(fields), until, Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name(fields)?)))
}

/// Opens a key.
pub(in crate::web::dashboard) async fn release(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::release_key(&mut *tx, name(fields)?, &key(fields)).await?;
    tx.commit().await?;
    Ok(Done::Go(page(name(fields)?)))
}

fn name(fields: &Fields) -> Result<&str, Failed> {
    fields.get("name").ok_or_else(|| Failed::bad("a limit has a name"))
}

/// A key as JSON, else as text; the empty one is that of a limit without key.
fn key(fields: &Fields) -> Value {
    match fields.get("key") {
        None | Some("[]") => Value::Null,
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
    }
}

fn page(name: &str) -> String {
    format!("/limits/{}", crate::web::dashboard::url::encode(name))
}
