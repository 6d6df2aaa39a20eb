//! Checks option `unique`: its key names published arguments, and its other options fit together.

use std::time::Duration;

use syn::Ident;
use syn::ext::IdentExt;

use super::options;
use crate::errors::Errors;
use crate::model::{Kind, Param, Task};
use crate::options::At;
use crate::text::nearest;
use crate::unique::{Unique, Until};

const LONGEST: Duration = Duration::from_hours(3650 * 24);

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let Some((unique, attribute)) = &task.options.unique else { return };
    match &unique.key {
        Some(key) => key.iter().enumerate().for_each(|(at, name)| argument(task, &key[..at], name, errors)),
        None if task.arguments().any(|param| matches!(param.kind, Kind::Kwargs)) => {
            errors.add(
                attribute,
                "this task takes any keyword; name the arguments of the key: unique(key = …)",
            );
        }
        None => {}
    }
    if let Some(name) = &unique.name {
        options::form(name, errors);
    }
    times(unique, errors);
}

fn argument(task: &Task, before: &[Ident], name: &Ident, errors: &mut Errors) {
    let names: Vec<String> = task.arguments().map(Param::keyword).collect();
    let text = name.unraw().to_string();
    let param = task.params.iter().find(|param| param.keyword() == text);
    match param {
        _ if before.contains(name) => errors.add(name, format!("`{text}` is in the key twice; keep one")),
        None => errors.add(name, unknown(&text, &names)),
        Some(param) if !param.is_argument() => {
            errors.add(
                name,
                format!("`{text}` is injected by the worker; a key is made of published arguments"),
            );
        }
        Some(param) if matches!(param.kind, Kind::Kwargs) => {
            errors.add(name, format!("`{text}` takes any keyword; a key is made of named arguments"));
        }
        Some(_) => {}
    }
}

fn unknown(name: &str, names: &[String]) -> String {
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(name, &known) {
        Some(near) => format!("the task has no argument `{name}`; did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("the task has no argument `{name}`; it has none, so write key = ()")
        }
        None => format!("the task has no argument `{name}`; it has `{}`", known.join("`, `")),
    }
}

fn times(unique: &Unique, errors: &mut Errors) {
    let postpones = unique.on_conflict.as_ref().is_some_and(|chosen| chosen.is("Postpone"));
    for wait in unique.wait.iter().chain(&unique.max_wait) {
        if !postpones {
            errors.add(&wait.source, "only on_conflict = \"postpone\" waits; add it, or remove this");
        }
        length(wait, errors);
    }
    if let Some(Until::After(after)) = &unique.until {
        length(after, errors);
    }
}

fn length(time: &At<Duration>, errors: &mut Errors) {
    if time.value.is_zero() || time.value > LONGEST {
        errors.add(&time.source, "this time is more than zero, and 3650 days at most");
    }
}
