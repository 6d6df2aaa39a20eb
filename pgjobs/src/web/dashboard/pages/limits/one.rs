//! One limit and its keys.

use maud::{Markup, html};

use super::{KEYS, release_button, until, used};
use crate::db::limit as db;
use crate::limits::words::in_words;
use crate::limits::{LimitKeyRow, LimitRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{fact, live, section, table, time};
use crate::web::dashboard::pages::parts::{field, form};
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::count;

pub(in crate::web::dashboard) async fn one(ask: &Ask) -> Result<View, Failed> {
    let name = ask.param("name");
    let mut tx = ask.read().await?;
    let Some(limit) = db::get(&mut tx, name).await? else {
        return Err(Failed::missing(format!("there is no limit {name}")));
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
    let declared =
        limit.declared_by.as_ref().map(|task| html! { a href=(ask.link_to("/tasks/", task)) { (task) } });
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

/// What of a limit is set here; of a new one also the name, the topic and the key.
pub(super) fn set_form(ask: &Ask, limit: Option<&LimitRow>) -> Markup {
    let max = limit.and_then(|limit| limit.max).map(|max| max.to_string()).unwrap_or_default();
    let rates =
        limit.and_then(|limit| limit.rates.as_ref()).map(|rates| rates.join(", ")).unwrap_or_default();
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
