//! Checks keys: the arguments whose values make them are published ones, each once.

use syn::Ident;
use syn::ext::IdentExt;

use crate::errors::Errors;
use crate::model::{Kind, Param, Task};
use crate::text::nearest;

pub(super) fn check(task: &Task, key: &[Ident], errors: &mut Errors) {
    key.iter().enumerate().for_each(|(at, name)| one(task, &key[..at], name, errors));
}

fn one(task: &Task, before: &[Ident], name: &Ident, errors: &mut Errors) {
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
