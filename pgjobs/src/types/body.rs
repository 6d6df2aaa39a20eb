//! Reads the body of a job, `{"args": [...], "kwargs": {...}}`, and binds it to parameters.
//!
//! The rules are Python's, because Python programs use the same bodies: positional values fill the parameters
//! in order, keyword values fill them by name, and a parameter that is filled twice, left empty without a
//! default, or unknown is an error. Either half may be null or absent. Values stay raw JSON until the task's
//! own type reads them, so a number never loses digits here.
//!
//! Errors contain the path and the expected type and never a value: they are stored with the job and may be
//! logged, and arguments may be secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::strict_json::StrictJson;

/// One published parameter of a task (injected ones are not included).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Param {
    /// The name, used as the keyword.
    pub name: &'static str,
    /// The Rust type as written.
    #[serde(rename = "type")]
    pub ty: &'static str,
    /// Whether a body must contain it; false for `Option` and `#[default]` parameters.
    pub required: bool,
}

/// Why a job's body does not fit the task: the path, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyError {
    path: String,
    reason: String,
}

impl BodyError {
    fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        BodyError { path: path.into(), reason: reason.into() }
    }

    /// The path in the body, for example `kwargs.filters[2].name`; empty for the body as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What was expected and what was found, without the value.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "arguments do not fit: {}", self.reason),
            path => write!(f, "arguments do not fit: `{path}`: {}", self.reason),
        }
    }
}

impl std::error::Error for BodyError {}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    args: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    kwargs: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
}

/// Reads a body as the arguments of a task with these parameters.
///
/// `open` accepts unknown keywords, for a task with a `#[kwargs]` parameter.
pub(crate) fn read<T: DeserializeOwned>(
    body: Option<&str>,
    params: &[Param],
    open: bool,
) -> Result<T, BodyError> {
    let envelope = open_envelope(body.unwrap_or("null"))?;
    let bound = bind(envelope, params, open)?;
    let fields = || {
        let fields = bound.iter().map(|(name, value)| (name.as_ref(), StrictJson(value)));
        MapDeserializer::<_, serde_json::Error>::new(fields)
    };
    // Tracking the path costs as much as reading; so a body is read again with the path only after an error.
    T::deserialize(fields()).or_else(|_| {
        serde_path_to_error::deserialize(fields())
            .map_err(|e| BodyError::new(e.path().to_string(), describe(e.inner())))
    })
}

/// Reads a stored result; null also means that there is no result.
pub(crate) fn read_result<T: DeserializeOwned>(text: &str) -> Result<T, BodyError> {
    let mut json = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut json)
        .map_err(|e| BodyError::new(format!("result.{}", e.path()), describe(e.inner())))
}

const FORM: &str = r#"a body is {"args": [...], "kwargs": {...}}"#;

/// The kind of a JSON text that is not an object.
fn kind(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        _ if json.contains(['.', 'e', 'E']) => "floating point",
        _ => "integer",
    }
}

fn open_envelope(body: &str) -> Result<Envelope<'_>, BodyError> {
    let body = body.trim();
    if body.is_empty() || body == "null" {
        return Ok(Envelope { args: None, kwargs: None });
    }
    if !body.starts_with('{') {
        let reason = format!("expected an object, found {}; {FORM}", kind(body));
        return Err(BodyError::new("", reason));
    }
    if let Ok(envelope) = serde_json::from_str(body) {
        return Ok(envelope);
    }
    let mut json = serde_json::Deserializer::from_str(body);
    serde_path_to_error::deserialize(&mut json).map_err(|e| {
        let path = e.path().to_string();
        let path = if path == "." { String::new() } else { path };
        BodyError::new(path, format!("{}; {FORM}", describe(e.inner())))
    })
}

type Bound<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

fn bind<'a>(envelope: Envelope<'a>, params: &[Param], open: bool) -> Result<Bound<'a>, BodyError> {
    let has_none = envelope.args.is_none() && envelope.kwargs.is_none();
    let args = envelope.args.unwrap_or_default();
    let kwargs = envelope.kwargs.unwrap_or_default();
    if args.len() > params.len() {
        let reason = format!("takes {} positional arguments, {} were given", params.len(), args.len());
        return Err(BodyError::new("args", reason));
    }
    let mut bound: Bound<'a> =
        params.iter().zip(args).map(|(param, value)| (Cow::Borrowed(param.name), value)).collect();
    let positional = bound.len();
    for (name, value) in kwargs {
        check_keyword(&name, params, positional, open)?;
        bound.push((name, value));
    }
    let missing = params.iter().find(|p| p.required && !bound.iter().any(|(name, _)| name == p.name));
    let Some(missing) = missing else { return Ok(bound) };
    // Arguments beside `args` and `kwargs` are not seen: say where they belong.
    let form = if has_none { format!("; {FORM}") } else { String::new() };
    let reason = format!("missing required argument, expected {}{form}", missing.ty);
    Err(BodyError::new(missing.name, reason))
}

fn check_keyword(name: &str, params: &[Param], positional: usize, open: bool) -> Result<(), BodyError> {
    match params.iter().position(|p| p.name == name) {
        Some(index) if index < positional => {
            Err(BodyError::new(name, "given twice, by position and by keyword"))
        }
        None if !open => {
            let known: Vec<_> = params.iter().map(|p| p.name).collect();
            let reason = format!("unexpected keyword argument; the task takes: {}", known.join(", "));
            Err(BodyError::new(name, reason))
        }
        _ => Ok(()),
    }
}

/// serde's message without the value that it found: `expected i64, found string`.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The last match: the value that was found comes before it and may contain the same text.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if text.starts_with("unknown variant") && !text.contains(", expected ") {
        return "a value of a type that has none".to_owned();
    }
    let Some((found, expected)) = text.rsplit_once(", expected ") else {
        return text.to_owned();
    };
    match found.split_once(": ") {
        Some(("invalid type" | "invalid value", what)) => {
            let kind = what.split(['`', '"']).next().unwrap_or_default().trim();
            format!("expected {expected}, found {kind}")
        }
        Some(("invalid length", length)) => format!("expected {expected}, found length {length}"),
        _ if found.starts_with("unknown variant") => format!("unknown variant, expected {expected}"),
        _ => text.to_owned(),
    }
}

/// Whether JSON text contains an escaped NUL, which `jsonb` refuses.
pub(crate) fn holds_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = json[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        backslashes % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMS: &[Param] = &[
        Param { name: "user_id", ty: "i64", required: true },
        Param { name: "locale", ty: "String", required: false },
    ];

    #[derive(Deserialize, Debug, PartialEq)]
    struct Args {
        user_id: i64,
        #[serde(default)]
        locale: Option<String>,
    }

    fn args(body: &str) -> Result<Args, String> {
        read(Some(body), PARAMS, false).map_err(|e: BodyError| e.to_string())
    }

    #[test]
    fn positional_and_keyword_values_mix_as_in_python() {
        let both = Args { user_id: 7, locale: Some("pt".into()) };
        assert_eq!(args(r#"{"args": [7, "pt"], "kwargs": null}"#), Ok(both));
        assert_eq!(args(r#"{"args": [7]}"#), Ok(Args { user_id: 7, locale: None }));
        let both = Args { user_id: 7, locale: Some("pt".into()) };
        assert_eq!(args(r#"{"args": [7], "kwargs": {"locale": "pt"}}"#), Ok(both));
        let both = Args { user_id: 7, locale: Some("pt".into()) };
        assert_eq!(args(r#"{"kwargs": {"locale": "pt", "user_id": 7}, "args": null}"#), Ok(both));
    }

    #[test]
    fn an_error_names_the_path_and_the_type_and_hides_the_value() {
        for (body, expected) in [
            (r#"{"args": ["secret"]}"#, "`user_id`: expected i64, found string"),
            (r#"{"args": [1, 2, 3]}"#, "`args`: takes 2 positional arguments, 3 were given"),
            (r#"{"kwargs": {"locale": "x"}}"#, "`user_id`: missing required argument, expected i64"),
            (
                r#"{"user_id": "secret"}"#,
                r#"`user_id`: missing required argument, expected i64; a body is {"args": [...], "kwargs": {...}}"#,
            ),
            (
                r#"{"args": [1], "kwargs": {"user_id": 2}}"#,
                "`user_id`: given twice, by position and by keyword",
            ),
            (
                r#"{"args": [1], "kwargs": {"lokale": "secret"}}"#,
                "`lokale`: unexpected keyword argument; the task takes: user_id, locale",
            ),
            (r#"{"args": ["secret at line 1"]}"#, "`user_id`: expected i64, found string"),
            (r#"{"args": ["secret, expected at line 1"]}"#, "`user_id`: expected i64, found string"),
            (
                r#"["secret", 1]"#,
                r#"expected an object, found array; a body is {"args": [...], "kwargs": {...}}"#,
            ),
        ] {
            let error = args(body).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
            assert_eq!(error, format!("arguments do not fit: {expected}"), "{body}");
        }
    }

    #[test]
    fn nul_is_seen_through_escapes() {
        assert!(holds_nul(r#""a\u0000""#));
        assert!(!holds_nul(r#""a\\u0000""#));
        assert!(holds_nul(r#""a\\\u0000""#));
    }
}
