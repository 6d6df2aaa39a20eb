//! What must hold for any input. The fuzz targets and the test `hostile` share these.

use std::collections::BTreeMap;

use pgjobs::__private::readers;
use pgjobs::Topic;
use pgjobs::define::Param;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of many kinds.
#[derive(Debug, Serialize, Deserialize)]
struct Args {
    n: i64,
    small: Option<u8>,
    text: Option<String>,
    real: Option<f64>,
    kind: Option<Kind>,
    list: Option<Vec<Option<bool>>>,
    line: Option<Line>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Kind {
    Plain,
    With(char),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    count: u16,
}

const fn param(name: &'static str, ty: &'static str, required: bool) -> Param {
    Param { name, ty, required }
}

const PARAMS: &[Param] = &[
    param("n", "i64", true),
    param("small", "Option<u8>", false),
    param("text", "Option<String>", false),
    param("real", "Option<f64>", false),
    param("kind", "Option<Kind>", false),
    param("list", "Option<Vec<Option<bool>>>", false),
    param("line", "Option<Line>", false),
];

/// Stands in values of the seeds; an error that shows it has shown a value.
const CANARY: &str = "canary7Q";

/// A body binds or is refused, with the place and without a value; what was bound binds again the same.
pub(crate) fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for open in [false, true] {
        match readers::body::<Args>(text, PARAMS, open) {
            Ok(args) => bound(&args),
            Err(error) => quiet(text, &error.to_string()),
        }
    }
    if let Err(error) = readers::result::<Args>(text) {
        quiet(text, &error.to_string());
    }
}

fn bound(args: &Args) {
    let written = serde_json::json!({ "kwargs": args }).to_string();
    let again: Args =
        readers::body(&written, PARAMS, true).unwrap_or_else(|error| panic!("{error}: {written}"));
    // The rest may hold floats, whose last digit is not promised.
    assert_eq!(
        (again.n, again.small, &again.text, &again.list),
        (args.n, args.small, &args.text, &args.list)
    );
    assert!(again.rest.keys().eq(args.rest.keys()));
}

/// Keywords and fields may be named, so only texts are looked at in which the word stands in no key.
fn quiet(text: &str, error: &str) {
    assert!(!error.is_empty());
    let in_a_key = text.match_indices(CANARY).any(|(at, _)| {
        let rest = &text[at..];
        rest.find('"').is_none_or(|end| rest[end + 1..].trim_start().starts_with(':'))
    });
    assert!(in_a_key || text.contains("\\\"") || !error.contains(CANARY), "{error}");
}

/// The first line is a pattern, the rest a name: the same answer as by trying every split.
pub(crate) fn topic(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, task) = text.split_once('\n').unwrap_or((text, "mail.send"));
    let Ok(topic) = pattern.parse::<Topic>() else {
        assert!(pattern.is_empty() || pattern.len() > 200 || pattern.chars().any(char::is_control));
        return;
    };
    assert_eq!((topic.as_str(), topic.to_string().as_str()), (pattern, pattern));
    if task.len() <= 400 {
        assert_eq!(topic.holds(task), holds(pattern, task), "{pattern:?} {task:?}");
    }
}

/// Which ends of the name the pattern so far can reach, letter by letter.
fn holds(pattern: &str, task: &str) -> bool {
    let task: Vec<char> = task.chars().collect();
    let mut reach = vec![false; task.len() + 1];
    reach[0] = true;
    for letter in pattern.chars() {
        if matches!(letter, '*' | '%') {
            let first = reach.iter().position(|reached| *reached).unwrap_or(reach.len());
            reach[first..].fill(true);
        } else {
            for at in (0..task.len()).rev() {
                reach[at + 1] = reach[at] && task[at] == letter;
            }
            reach[0] = false;
        }
    }
    reach[task.len()]
}

/// A record is read or refused, and what was read lay in it.
pub(crate) fn record(data: &[u8]) {
    if let Some((task, body)) = readers::record(data) {
        assert!(task.len() + body.map_or(0, |body| body.len()) <= data.len());
    }
}
