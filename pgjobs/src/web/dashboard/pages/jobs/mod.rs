//! Jobs: the list.

pub(in crate::web::dashboard) mod filter;
mod rows;

use maud::{Markup, html};

use crate::db::dashboard::search::{self, Page};
use crate::inspect::TaskCounts;
use crate::types::topic::Topic;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::html::{empty, icon, live};
use crate::web::dashboard::url::encode;
use crate::web::dashboard::verbs::Verb;
use crate::web::dashboard::view::View;
use crate::web::dashboard::words::{count, number};
use filter::{FILTERS, Filter, PAGE, STATES};

pub(in crate::web::dashboard) async fn show(ask: &Ask) -> Result<View, Failed> {
    if let Some(id) = ask.get("q").map(str::trim).filter(|typed| is_id(typed)) {
        return Ok(View::go(format!("/jobs/{}", encode(id))));
    }
    let filter = Filter::of(&ask.query, ask.now())?;
    let mut tx = ask.read().await?;
    let found = search::search(&mut tx, &filter.search()).await?;
    tx.commit().await?;
    let main = html! {
        div.page-head { h1 { "Jobs" } (super::notice::done(ask)) }
        (live("tabs", tabs(ask, &filter)))
        (chips(ask, &filter))
        (live("list", list(ask, &filter, &found)))
    };
    Ok(View::live(format!("Jobs, {}", filter.state), main))
}

fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The states with their counts, as far as they are known for these filters: a count that ignores a filter would lie.
fn tabs(ask: &Ask, filter: &Filter) -> Markup {
    let is_known = filter.given.iter().all(|(name, _)| *name == "task");
    html! {
        nav.tabs aria-label="States" {
            @for (state, _) in STATES {
                a href=(ask.link_with("/jobs", filter.in_state(state).query())) aria-current=[(*state == filter.state).then_some("page")] {
                    b { @match sum(ask, filter, state).filter(|_| is_known) { Some(n) => { (count(n)) } None => { "–" } } }
                    span.st { @if *state == "open" { "all open" } @else { (icon(state)) " " (state) } }
                }
            }
        }
    }
}

/// How many jobs are in a state, by the snapshot; `None` for what it does not count.
fn sum(ask: &Ask, filter: &Filter, state: &str) -> Option<i64> {
    if state == "backoff" {
        return filter.get("task").is_none().then_some(ask.snapshot.flow.backoff);
    }
    let of: fn(&TaskCounts) -> i64 = match state {
        "open" => |task| task.ready + task.scheduled + task.running,
        "ready" => |task| task.ready,
        "scheduled" => |task| task.scheduled,
        "running" => |task| task.running,
        "success" => |task| task.success,
        "failed" => |task| task.failed,
        "cancelled" => |task| task.cancelled,
        _ => return None,
    };
    let topic = filter.get("task").map(|topic| topic.parse::<Topic>());
    let fits = |task: &&TaskCounts| match &topic {
        None => true,
        Some(Ok(topic)) => topic.holds(&task.task),
        Some(Err(_)) => false,
    };
    let counts = || ask.snapshot.counts.iter();
    let sum: i64 = counts().filter(fits).map(of).sum();
    // None were found among the newest, and there may be older ones.
    let is_unknown =
        sum == 0 && counts().any(|task| !task.exact) && ["success", "failed", "cancelled"].contains(&state);
    (!is_unknown).then_some(sum)
}

fn chips(ask: &Ask, filter: &Filter) -> Markup {
    let words =
        |name: &str| FILTERS.iter().find(|(this, ..)| *this == name).map_or("", |(_, words, _)| words);
    html! {
        div.chips {
            @for (name, value) in &filter.given {
                span.chip {
                    span { span.faint { (words(name)) } " " (value) }
                    a href=(ask.link_with("/jobs", filter.without(name).query())) aria-label={ "Remove filter " (words(name)) " " (value) } { "×" }
                }
            }
            form action=(ask.link("/jobs")) {
                @for (name, value) in filter.query() { input type="hidden" name=(name) value=(value); }
                select name="add" aria-label="Filter by" {
                    @for (name, words, _) in FILTERS { option value=(name) { (words) } }
                }
                input name="value" aria-label="Value" maxlength="500" placeholder="mail.*";
                button { "Add" }
            }
        }
    }
}

fn list(ask: &Ask, filter: &Filter, found: &Page) -> Markup {
    html! {
        div.live-line id="live-line" {
            span.said id="live-words" { (said(found)) }
            span.end { button.bare type="button" id="pause" aria-pressed="false" data-kept { "Pause updates " kbd { "p" } } }
        }
        @if found.jobs.is_empty() {
            (nothing(ask, filter, found))
        } @else {
            form action=(ask.link("/jobs/act")) {
                @for (name, value) in filter.query() { input type="hidden" name=(name) value=(value); }
                (rows::table(ask, filter, &found.jobs))
                (bulk(ask, filter))
            }
        }
        (pager(ask, filter, found))
    }
}

fn said(found: &Page) -> Markup {
    let shown = i64::try_from(found.jobs.len()).unwrap_or_default();
    html! {
        @if found.further.is_some() {
            b { (number(shown)) } " shown, newest first; more may follow."
        } @else {
            b { (number(shown)) } " shown, newest first; all were searched."
        }
    }
}

fn nothing(ask: &Ask, filter: &Filter, found: &Page) -> Markup {
    let next = html! {
        @if let Some(further) = &found.further {
            p { "The newest " (number(found.looked)) " were searched. " a href=(older(ask, filter, further)) { "Search on" } }
        } @else if !filter.given.is_empty() {
            p { "Everything that is kept was searched. " a href=(ask.link_with("/jobs", filter.cleared().query())) { "Drop the filters" } }
        } @else {
            p { "Everything that is kept was searched." }
        }
    };
    empty("No job matches.", next)
}

/// What can be done with the selection, and with all that match. Buttons that would be refused are not there.
fn bulk(ask: &Ask, filter: &Filter) -> Markup {
    let verbs = verbs(filter);
    html! {
        div.bulk {
            b id="selected" { "Selected jobs" }
            span.end.acts {
                @for (verb, word, class) in verbs.iter().filter(|(verb, ..)| *verb != Verb::Purge && ask.may(*verb)) {
                    button class=[*class] name="do" value=(verb.name()) { (word) "…" }
                }
                button.bare type="button" id="drop" { "Drop selection " kbd { "Esc" } }
            }
        }
        @if filter.is_for_operations() && verbs.iter().any(|(verb, ..)| ask.may(*verb)) {
            p.acts.small {
                span.faint { "All that match:" }
                @for (verb, word, class) in verbs.iter().filter(|(verb, ..)| ask.may(*verb)) {
                    @let all = [("do", verb.name()), ("all", "1")];
                    a.btn class=[*class] href=(ask.link_with("/jobs/act", filter.query().into_iter().chain(all))) { (word) " all…" }
                }
            }
        }
    }
}

/// What can be done with jobs in these states: verb, word, how its button looks.
pub(in crate::web::dashboard) fn verbs(filter: &Filter) -> Vec<(Verb, &'static str, Option<&'static str>)> {
    let mut verbs = Vec::new();
    match filter.state {
        "failed" | "cancelled" => {
            verbs.extend([(Verb::Retry, "Retry", None), (Verb::Redrive, "Re-drive", None)])
        }
        "success" => {}
        _ => verbs.push((Verb::Cancel, "Cancel", Some("danger"))),
    }
    if filter.state == "open" {
        verbs.push((Verb::Purge, "Delete waiting", Some("danger")));
    }
    verbs
}

fn older(ask: &Ask, filter: &Filter, further: &str) -> String {
    // The places of the pages before this one, so that there is a way back.
    let trail = [ask.get("trail").unwrap_or(""), filter.before.as_deref().unwrap_or("")];
    let trail: Vec<&str> =
        trail.iter().flat_map(|part| part.split('~')).filter(|part| !part.is_empty()).collect();
    let trail = trail[trail.len().saturating_sub(20)..].join("~");
    let place = [("before", further), ("trail", trail.as_str())];
    ask.link_with(
        "/jobs",
        filter.query().into_iter().chain(place.into_iter().filter(|(_, value)| !value.is_empty())),
    )
}

fn newer(ask: &Ask, filter: &Filter) -> String {
    let trail = ask.get("trail").unwrap_or("");
    let (rest, before) = trail.rsplit_once('~').unwrap_or(("", trail));
    let place = [("before", before), ("trail", rest)];
    ask.link_with(
        "/jobs",
        filter.query().into_iter().chain(place.into_iter().filter(|(_, value)| !value.is_empty())),
    )
}

fn pager(ask: &Ask, filter: &Filter, found: &Page) -> Markup {
    html! {
        div.pager {
            span { (PAGE) " a page, newest first" @if found.looked > 0 { "; a page searches at most 20,000" } "." }
            nav aria-label="Pages" {
                @if filter.before.is_some() {
                    a.btn href=(ask.link_with("/jobs", filter.query())) { "Newest" }
                    a.btn id="newer" href=(newer(ask, filter)) { "Newer " kbd { "[" } }
                }
                @if let Some(further) = &found.further {
                    a.btn id="older" href=(older(ask, filter, further)) { "Older " kbd { "]" } }
                }
            }
        }
    }
}
