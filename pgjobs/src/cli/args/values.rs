//! Parsers of argument values.

use std::fmt;
#[cfg(feature = "web")]
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::JobId;

/// `250ms`, `30s`, `5m`, `2h`, `1d`, and sums of them such as `1h30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{}` is no duration: write 250ms, 30s, 5m, 2h, 1d or 1h30m", text.escape_debug());
    let (mut rest, mut total) = (text.trim(), Duration::ZERO);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let (digits, after) = split_off(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_off(after, |c| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let part = match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            "h" => number.checked_mul(3600).map(Duration::from_secs),
            "d" => number.checked_mul(86_400).map(Duration::from_secs),
            _ => None,
        };
        total = part.and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    Ok(total)
}

/// An address with its port; `localhost` is 127.0.0.1.
#[cfg(feature = "web")]
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let number = text.replacen("localhost", "127.0.0.1", usize::from(text.starts_with("localhost:")));
    let wrong = || format!("`{}` is no address with a port, such as 127.0.0.1:9000", text.escape_debug());
    number.parse().map_err(|_| wrong())
}

/// Like [`duration`], but a plain number means seconds.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => duration(text)?,
    };
    if duration.is_zero() { Err("a pause of nothing would ask without end".to_owned()) } else { Ok(duration) }
}

fn split_off(text: &str, mut belongs: impl FnMut(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// `2030-01-31T09:00:00+01:00`
pub(crate) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .map_err(|error| format!("{error}: write a time with its zone, such as 2030-01-31T09:00:00Z"))
}

/// A time as in [`time`], or how long ago it was, as in [`duration`].
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let ago = duration(text).ok().and_then(|ago| chrono::TimeDelta::from_std(ago).ok());
    match ago.and_then(|ago| Utc::now().checked_sub_signed(ago)) {
        Some(time) => Ok(time),
        None => time(text).map_err(|error| format!("{error}, or how long ago it was, such as 2h")),
    }
}

/// Jobs a second: `50/s`, `3000/m`, `10/h`, or a number.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let (number, unit) = text.trim().split_once('/').unwrap_or((text.trim(), "s"));
    let seconds = match unit {
        "s" => Some(1.0),
        "m" => Some(60.0),
        "h" => Some(3600.0),
        _ => None,
    };
    let rate = number.parse::<f64>().ok().zip(seconds).map(|(number, seconds)| number / seconds);
    rate.filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or_else(|| format!("`{}` is no rate: write 50/s, 3000/m or 10/h", text.escape_debug()))
}

/// Parses JSON; text that is not JSON becomes a JSON string.
pub(crate) fn argument(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => exact(text).map(|()| value),
        Err(_) => Ok(Value::String(text.to_owned())),
    }
}

/// `name=value`, the value as in [`argument`].
pub(crate) fn keyword(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.is_empty() {
        return Err("the name before `=` is missing".to_owned());
    }
    Ok((name.to_owned(), argument(value)?))
}

/// A JSON array.
pub(crate) fn array(text: &str) -> Result<Vec<Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Array(values)) => exact(text).map(|()| values),
        Ok(_) => Err("this is no JSON array, such as [1, \"two\"]".to_owned()),
        Err(error) => Err(format!("this is no JSON array: {error}")),
    }
}

/// A JSON object as a list of fields, in which a repeated key appears each time.
pub(crate) fn object(text: &str) -> Result<Vec<(String, Value)>, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(_)) => exact(text)?,
        Ok(_) => return Err("this is no JSON object, such as {\"user_id\": 7}".to_owned()),
        Err(error) => return Err(format!("this is no JSON object: {error}")),
    }
    serde_json::from_str(text).map(|Fields(fields)| fields).map_err(|error| error.to_string())
}

struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Each).map(Fields)
    }
}

struct Each;

impl<'de> Visitor<'de> for Each {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

/// Accepts any job id that a database may hold, also one that this version would not generate.
pub(crate) fn any_id(text: &str) -> Result<JobId, String> {
    let legal = (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if legal { Ok(JobId::from_database(text.to_owned())) } else { Err("this is no id of a job".to_owned()) }
}

/// Refuses integers that do not fit 64 bits, because they would silently lose digits.
fn exact(json: &str) -> Result<(), String> {
    let mut in_text = false;
    let mut escaped = false;
    let outside = json.chars().map(|c| {
        let was_in_text = in_text;
        match c {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        if was_in_text || in_text { ' ' } else { c }
    });
    let outside: String = outside.collect();
    let tokens = outside.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')));
    let is_integer = |token: &&str| {
        let digits = token.strip_prefix('-').unwrap_or(token);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    match tokens
        .filter(is_integer)
        .find(|token| token.parse::<i64>().is_err() && token.parse::<u64>().is_err())
    {
        Some(_) => {
            Err("an integer does not fit 64 bits and would lose digits: pass it as a text in quotes"
                .to_owned())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in
            ["", "5", "s", "1.5s", "-1s", "1y", "5 m", "99999999999999999999d", "18446744073709551615d"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert!(seconds("0").is_err());
    }

    #[test]
    fn rates_are_jobs_a_second() {
        for (text, rate) in [("50/s", 50.0), ("3000/m", 50.0), ("36/h", 0.01), ("0.5", 0.5)] {
            assert_eq!(super::rate(text), Ok(rate), "{text}");
        }
        for text in ["", "0", "-1/s", "NaN", "inf", "5/d", "x/s", "5/"] {
            assert!(super::rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        assert_eq!(moment("2030-01-31T09:00:00Z"), time("2030-01-31T09:00:00Z"));
        let then = moment("2h").unwrap();
        let ago = (Utc::now() - then).num_seconds();
        assert!((7200..7210).contains(&ago), "{ago}");
        assert!(moment("tomorrow").is_err());
    }

    #[test]
    fn an_argument_is_json_or_else_text() {
        assert_eq!(argument("7"), Ok(json!(7)));
        assert_eq!(argument("\"7\""), Ok(json!("7")));
        assert_eq!(argument("ana"), Ok(json!("ana")));
        assert_eq!(argument("[1"), Ok(json!("[1")));
        assert_eq!(keyword("a=b=c"), Ok(("a".to_owned(), json!("b=c"))));
        assert!(keyword("a").is_err() && keyword("=a").is_err());
    }

    #[test]
    fn integers_keep_their_digits_or_are_refused() {
        assert!(argument("18446744073709551615").is_ok());
        assert!(argument("18446744073709551616").is_err());
        assert!(object(r#"{"a": [-9223372036854775809]}"#).is_err());
        assert!(
            object(r#"{"a": "18446744073709551616", "b\"": 1.5e400}"#).is_err(),
            "out of range for a float"
        );
        assert!(object(r#"{"a": "18446744073709551616 \" 18446744073709551616"}"#).is_ok());
    }
}
