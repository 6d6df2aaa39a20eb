//! What a list of jobs shows, as it stands in the URL.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::db::dashboard::search::Search;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;

/// The tabs: state, and whether its jobs have ended.
pub(in crate::web::dashboard) const STATES: &[(&str, bool)] = &[
    ("open", false),
    ("ready", false),
    ("scheduled", false),
    ("backoff", false),
    ("running", false),
    ("success", true),
    ("failed", true),
    ("cancelled", true),
];

/// The filters that a person adds: name in the URL, words before the value, an example.
pub(in crate::web::dashboard) const FILTERS: &[(&str, &str, &str)] = &[
    ("task", "task is", "mail.welcome, or mail.*"),
    ("tag", "tag is", "vip"),
    ("meta", "note is", "tenant:7"),
    ("key", "unique key is", "[7]"),
    ("text", "arguments have", "88412907"),
    ("error", "error has", "timed out"),
    ("since", "since", "2h, 7d or 2026-11-29T18:00"),
    ("until", "until", "2026-11-29T20:00"),
];

/// So many jobs a page.
pub(in crate::web::dashboard) const PAGE: i32 = 50;

/// The filters, in the order of [`FILTERS`], each at most once.
#[derive(Debug, Clone)]
pub(in crate::web::dashboard) struct Filter {
    pub(in crate::web::dashboard) state: &'static str,
    pub(in crate::web::dashboard) given: Vec<(&'static str, String)>,
    meta: Option<String>,
    pub(in crate::web::dashboard) since: Option<DateTime<Utc>>,
    pub(in crate::web::dashboard) until: Option<DateTime<Utc>>,
    pub(in crate::web::dashboard) before: Option<String>,
}

impl Filter {
    /// Reads it from a URL or a form. `add` and `value` are the form that adds a filter, `q` the search at the top.
    pub(in crate::web::dashboard) fn of(fields: &Fields, now: DateTime<Utc>) -> Result<Self, Failed> {
        let state = state(fields.get("state").unwrap_or("open"))?;
        let mut given: Vec<(&'static str, String)> = Vec::new();
        let mut add = |name: &str, value: &str| {
            if let Some((known, ..)) = FILTERS.iter().find(|(known, ..)| *known == name) {
                given.retain(|(other, _)| other != known);
                given.push((known, value.trim().to_owned()));
            }
        };
        for (name, value) in fields.iter().filter(|(_, value)| !value.trim().is_empty()) {
            match name {
                "topic" => add("task", value),
                "q" => words(value).into_iter().for_each(|(name, value)| add(name, &value)),
                "value" => add(fields.get("add").unwrap_or("task"), value),
                name => add(name, value),
            }
        }
        let value =
            |name: &str| given.iter().find(|(this, _)| *this == name).map(|(_, value)| value.as_str());
        let (since, until) = (moment(value("since"), now)?, moment(value("until"), now)?);
        let meta = value("meta").map(note).transpose()?;
        Ok(Filter { state, meta, since, until, before: fields.get("before").map(str::to_owned), given })
    }

    /// The value of a filter.
    pub(in crate::web::dashboard) fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(this, _)| *this == name).map(|(_, value)| value.as_str())
    }

    /// Whether the jobs have ended.
    pub(in crate::web::dashboard) fn is_ended(&self) -> bool {
        STATES.iter().any(|(state, ended)| *state == self.state && *ended)
    }

    /// Whether an operation can take all that match: it knows topic, state, error and time.
    pub(in crate::web::dashboard) fn is_for_operations(&self) -> bool {
        let known = |name: &str| ["task", "error", "since", "until"].contains(&name);
        !["ready", "scheduled", "backoff", "success"].contains(&self.state)
            && self.given.iter().all(|(name, _)| known(name))
            && (self.is_ended() || self.get("error").is_none())
    }

    pub(in crate::web::dashboard) fn search(&self) -> Search<'_> {
        Search {
            state: self.state,
            topic: self.get("task"),
            tag: self.get("tag"),
            meta: self.meta.as_deref(),
            key: self.get("key"),
            since: self.since,
            until: self.until,
            text: self.get("text"),
            error: self.get("error"),
            before: self.before.as_deref(),
            num: PAGE,
        }
    }

    /// The query of this list, without its place in it.
    pub(in crate::web::dashboard) fn query(&self) -> Vec<(&'static str, &str)> {
        let state = (self.state != "open").then_some(("state", self.state));
        state.into_iter().chain(self.given.iter().map(|(name, value)| (*name, value.as_str()))).collect()
    }

    /// The same with another state.
    pub(in crate::web::dashboard) fn in_state(&self, state: &'static str) -> Filter {
        Filter { state, before: None, ..self.clone() }
    }

    /// The same without any filter.
    pub(in crate::web::dashboard) fn cleared(&self) -> Filter {
        Filter { given: Vec::new(), meta: None, since: None, until: None, ..self.clone() }
    }

    /// The same without a filter.
    pub(in crate::web::dashboard) fn without(&self, name: &str) -> Filter {
        let mut filter = self.clone();
        filter.given.retain(|(this, _)| *this != name);
        filter
    }
}

fn state(name: &str) -> Result<&'static str, Failed> {
    let found = STATES.iter().map(|(state, _)| *state).find(|state| *state == name);
    found.ok_or_else(|| Failed::bad(format!("There is no state {name}: they are open, ready, scheduled, backoff, running, success, failed and cancelled.")))
}

/// What was typed at the top: `task:mail.* tag:vip error:timed out`; words without a name are a task if they look like
/// one, and otherwise a text in the arguments.
fn words(typed: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for word in typed.split_whitespace() {
        let named = word.split_once(':').and_then(|(name, value)| {
            let name = if name == "args" { "text" } else { name };
            Some((FILTERS.iter().find(|(known, ..)| *known == name)?.0, value))
        });
        match (named, found.last_mut()) {
            (Some((name, value)), _) => found.push((name, value.to_owned())),
            (None, Some((name, last))) if ["text", "error"].contains(name) => {
                last.push(' ');
                last.push_str(word);
            }
            (None, _) => {
                let is_task =
                    word.contains('.') && word.chars().all(|c| c.is_alphanumeric() || "._*-".contains(c));
                found.push((if is_task { "task" } else { "text" }, word.to_owned()));
            }
        }
    }
    found
}

/// `tenant:7` as the object `{"tenant": 7}`; a value that is no JSON is a text.
fn note(text: &str) -> Result<String, Failed> {
    let (key, value) =
        text.split_once([':', '=']).ok_or_else(|| Failed::bad("A note is a name and a value: tenant:7."))?;
    let value = serde_json::from_str(value.trim()).unwrap_or_else(|_| Value::String(value.trim().to_owned()));
    Ok(Value::Object(Map::from_iter([(key.trim().to_owned(), value)])).to_string())
}

/// `2h` ago, or a time in UTC.
fn moment(text: Option<&str>, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Failed> {
    let Some(text) = text else { return Ok(None) };
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let ago = number.parse::<u32>().ok().and_then(|number| match unit {
        "m" => TimeDelta::try_minutes(i64::from(number)),
        "h" => TimeDelta::try_hours(i64::from(number)),
        "d" => TimeDelta::try_days(i64::from(number)),
        _ => None,
    });
    let ago = ago.and_then(|ago| now.checked_sub_signed(ago));
    let exact = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    let plain = || {
        ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .map(|time| time.and_utc())
    };
    let found = ago.or_else(exact).or_else(plain);
    found.map(Some).ok_or_else(|| {
        Failed::bad(format!("{text} is no time: 30m, 2h or 7d ago, or 2026-11-29T18:00 (UTC)."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Uri;

    fn filter(query: &str) -> Result<Filter, Failed> {
        let uri: Uri = format!("/jobs?{query}").parse().unwrap();
        Filter::of(&Fields::of_query(&uri).unwrap(), DateTime::from_timestamp(1_000_000, 0).unwrap())
    }

    #[test]
    fn what_is_typed_at_the_top_are_filters() {
        for (typed, found) in [
            ("mail.welcome", vec![("task", "mail.welcome")]),
            ("task:mail.*+tag:vip", vec![("task", "mail.*"), ("tag", "vip")]),
            ("error:timed+out", vec![("error", "timed out")]),
            ("args:order_id+tag:a:b", vec![("text", "order_id"), ("tag", "a:b")]),
            ("88412907", vec![("text", "88412907")]),
        ] {
            let filter = filter(&format!("q={typed}")).unwrap();
            assert_eq!(filter.query(), found, "{typed}");
        }
    }

    #[test]
    fn times_and_notes_are_read_or_refused_with_an_example() {
        assert_eq!(filter("since=1h").unwrap().since.unwrap().timestamp(), 1_000_000 - 3600);
        assert_eq!(filter("since=1970-01-01T00:01").unwrap().since.unwrap().timestamp(), 60);
        assert_eq!(filter("meta=tenant:7").unwrap().search().meta, Some(r#"{"tenant":7}"#));
        assert_eq!(filter("meta=plan=gold").unwrap().search().meta, Some(r#"{"plan":"gold"}"#));
        for wrong in ["since=yesterday", "since=99999999999d", "since=%C3%A9", "meta=x", "state=lost"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_what_an_operation_knows_is_for_all_that_match() {
        for (query, is) in [
            ("state=failed&task=mail.*&error=x", true),
            ("state=failed&tag=vip", false),
            ("state=ready", false),
            ("state=running&task=a.b", true),
            ("state=open&error=x", false),
        ] {
            assert_eq!(filter(query).unwrap().is_for_operations(), is, "{query}");
        }
    }
}
