//! Parts that these pages share.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, Render, html};

use crate::inspect::{Percentiles, StatisticsRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::charts::{Area, Point, Unit};
use crate::web::dashboard::url::with_query;
use crate::web::dashboard::verbs::Verb;

/// The time that charts show, chosen in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    Hour,
    Day,
    Week,
    Month,
}

impl Range {
    const ALL: [(Range, &str, &str); 4] = [
        (Range::Hour, "1h", "1 h"),
        (Range::Day, "24h", "24 h"),
        (Range::Week, "7d", "7 d"),
        (Range::Month, "30d", "30 d"),
    ];

    /// The one of the URL; an hour for anything else.
    pub(super) fn of(ask: &Ask) -> Range {
        let named = |name: &str| Range::ALL.iter().find(|row| row.1 == name).map(|row| row.0);
        ask.get("range").and_then(named).unwrap_or(Range::Hour)
    }

    pub(super) fn since(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - match self {
            Range::Hour => TimeDelta::hours(1),
            Range::Day => TimeDelta::hours(24),
            Range::Week => TimeDelta::days(7),
            Range::Month => TimeDelta::days(30),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Range::Hour => "last hour",
            Range::Day => "last 24 hours",
            Range::Week => "last 7 days",
            Range::Month => "last 30 days",
        }
    }

    pub(super) fn seconds(self) -> f64 {
        let now = DateTime::UNIX_EPOCH;
        (now - self.since(now)).num_seconds() as f64
    }

    /// Links to the others, on the same page.
    pub(super) fn links(self, ask: &Ask) -> Markup {
        let rest: Vec<(&str, &str)> = ask.query.iter().filter(|(name, _)| *name != "range").collect();
        let link = |name| with_query(&ask.link(&ask.path), rest.iter().copied().chain([("range", name)]));
        html! {
            @for (range, name, words) in Range::ALL {
                a href=(link(name)) aria-current=[(range == self).then_some("true")] {
                    @if range == self { b { (words) } } @else { (words) }
                }
                " "
            }
        }
    }
}

/// A button that does something at once; nothing for those who may not.
pub(super) fn button(
    ask: &Ask,
    verb: Verb,
    path: &str,
    words: &str,
    label: &str,
    fields: &[(&str, &str)],
) -> Markup {
    html! {
        @if ask.may(verb) {
            form.at-once method="post" action=(ask.link(path)) {
                @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                button.bare[words != "Resume"] aria-label=(label) { (words) }
            }
        }
    }
}

/// A form with a reason and a button; nothing for those who may not.
pub(super) fn form(
    ask: &Ask,
    verb: Verb,
    path: &str,
    words: &str,
    class: &str,
    fields: impl Render,
) -> Markup {
    html! {
        @if ask.may(verb) {
            form.form method="post" action=(ask.link(path)) {
                (fields)
                div.full.acts { button class=(class) { (words) } }
            }
        }
    }
}

/// A field of a form with its name above and a word beneath. The id is unique in the page.
pub(super) fn field(id: &str, name: &str, words: &str, value: &str, beneath: &str) -> Markup {
    let about = format!("{id}-about");
    html! {
        div.field {
            label for=(id) { (words) }
            input id=(id) name=(name) value=(value) maxlength="1000" autocomplete="off" aria-describedby=[(!beneath.is_empty()).then_some(&about)];
            @if !beneath.is_empty() { p id=(about) { (beneath) } }
        }
    }
}

/// A figure of the band at the top of a page.
pub(super) fn figure(name: &str, value: impl Render, beneath: impl Render) -> Markup {
    html! { div { dt { (name) } dd { (value) } dd { (beneath) } } }
}

/// Jobs that ended a second, failures below.
pub(super) fn throughput(rows: &[StatisticsRow], now: DateTime<Utc>) -> Markup {
    let seconds = step(rows).clamp(1.0, 1e9);
    let points: Vec<Point> = rows
        .iter()
        .map(|row| {
            // The last step is not over yet.
            let length = seconds.min((now - row.at).num_seconds().max(1) as f64);
            let ended = (row.success + row.failed + row.cancelled) as f64 / length;
            Point { at: row.at, main: Some(ended), other: None, failed: row.failed }
        })
        .collect();
    Area {
        what: "Jobs that ended",
        unit: Unit::PerSecond,
        main: "ended a second",
        other: None,
        failures: true,
        points: &points,
    }
    .render()
}

/// A chart of p95 and median.
pub(super) fn durations(
    what: &str,
    rows: &[StatisticsRow],
    of: impl Fn(&StatisticsRow) -> Option<Percentiles>,
) -> Markup {
    let point = |row: &StatisticsRow| {
        let found = of(row);
        Point {
            at: row.at,
            main: found.map(|found| found.p95),
            other: found.map(|found| found.p50),
            failed: 0,
        }
    };
    let points: Vec<Point> = rows.iter().map(point).collect();
    Area { what, unit: Unit::Seconds, main: "p95", other: Some("median"), failures: false, points: &points }
        .render()
}

fn step(rows: &[StatisticsRow]) -> f64 {
    match rows {
        [first, second, ..] => (second.at - first.at).num_seconds() as f64,
        _ => 60.0,
    }
}

/// How many of a hundred, with two digits.
pub(super) fn percent(part: i64, of: i64) -> String {
    let percent = if of > 0 { 100.0 * part as f64 / of as f64 } else { 0.0 };
    if part > 0 && percent < 0.01 { "< 0.01".to_owned() } else { format!("{percent:.2}") }
}

/// What to do where charts are empty because nobody keeps statistics.
pub(super) fn no_statistics(ask: &Ask) -> Markup {
    html! {
        div.empty {
            p { "Nothing ended in this time, or statistics are not kept yet." }
            @if ask.may(Verb::Control) {
                form.acts method="post" action=(ask.link("/statistics")) {
                    input type="hidden" name="back" value=(ask.path);
                    button { "Keep statistics" }
                }
            }
        }
    }
}
