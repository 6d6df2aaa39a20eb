//! The form that publishes a job: a field for each parameter, as its schema says.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::inspect::{TaskParam, TaskRow};
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::html::icon;
use crate::web::dashboard::pages::parts::field;
use crate::web::dashboard::url::encode;

/// What somebody has filled in, and what came of it.
#[derive(Debug, Default)]
pub(in crate::web::dashboard) struct Given {
    pub(super) fields: Fields,
    /// Why it was refused.
    pub(super) refused: Option<String>,
    /// The arguments fit, and nothing was published: that is what was asked.
    pub(super) fits: bool,
}

/// How a parameter is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A text that is meant as it is.
    Text,
    /// A number, exactly as written.
    Number,
    /// True or false.
    Truth,
    /// One of these.
    OneOf(Vec<String>),
    /// A text that no page shows again.
    Secret,
    /// JSON.
    Json,
}

/// How to ask for a parameter of this schema.
pub(super) fn kind(schema: &Value) -> Kind {
    if schema["writeOnly"] == true || schema["x-sensitive"] == true {
        return Kind::Secret;
    }
    if let Some(all) = schema["enum"].as_array().filter(|all| all.iter().all(Value::is_string)) {
        return Kind::OneOf(all.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    match types(schema)[..] {
        ["string"] => Kind::Text,
        ["boolean"] => Kind::Truth,
        ["integer" | "number"] => Kind::Number,
        _ => Kind::Json,
    }
}

/// The types that a schema names, without null: an absent field is null.
fn types(schema: &Value) -> Vec<&str> {
    let named: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    named.into_iter().filter(|name| *name != "null").collect()
}

/// The schema of each parameter; of one that is described elsewhere in the document, that description.
pub(super) fn schemas(task: &TaskRow) -> Map<String, Value> {
    let whole: Value = task
        .args_schema
        .as_ref()
        .and_then(|schema| serde_json::from_str(schema.get()).ok())
        .unwrap_or_default();
    let described = |schema: &Value| {
        let place = schema["$ref"]
            .as_str()
            .and_then(|place| place.strip_prefix('#'))
            .and_then(|place| whole.pointer(place));
        place.unwrap_or(schema).clone()
    };
    let properties = whole["properties"].as_object().cloned().unwrap_or_default();
    properties.iter().map(|(name, schema)| (name.clone(), described(schema))).collect()
}

/// The arguments by name, as JSON texts; those that were left empty are absent. What is no JSON where JSON is
/// due is sent as a text, so that the database says what is wrong with it.
pub(super) fn arguments(task: &TaskRow, fields: &Fields) -> BTreeMap<String, Box<RawValue>> {
    let schemas = schemas(task);
    let json = |name: &str, text: &str| match kind(schemas.get(name).unwrap_or(&Value::Null)) {
        Kind::Text | Kind::Secret | Kind::OneOf(_) => None,
        Kind::Number | Kind::Truth | Kind::Json => RawValue::from_string(text.trim().to_owned()).ok(),
    };
    let value = |param: &TaskParam| {
        let text = fields.get(&format!("arg:{}", param.name))?;
        let value = json(&param.name, text).or_else(|| serde_json::value::to_raw_value(text).ok())?;
        Some((param.name.clone(), value))
    };
    task.params.iter().flatten().filter_map(value).collect()
}

/// The form.
pub(super) fn form(ask: &Ask, task: &TaskRow, given: &Given) -> Markup {
    let schemas = schemas(task);
    let value = |name: &str| given.fields.get(name).unwrap_or_default().to_owned();
    html! {
        form.form method="post" action=(ask.link(&format!("/tasks/{}/publish", encode(&task.name)))) {
            @if let Some(words) = &given.refused { div.field.full { p.bad role="alert" { (icon("failed")) " " (words) } } }
            @if given.fits { div.field.full { p role="status" { (icon("success")) " These arguments fit. Nothing was published." } } }
            @match &task.params {
                None => { div.field.full { p { "This task has not declared its arguments: publish it with the command line, or in SQL." } } }
                Some(params) => {
                    @for (nth, param) in params.iter().enumerate() {
                        (parameter(nth, param, schemas.get(&param.name).unwrap_or(&Value::Null), &value(&format!("arg:{}", param.name))))
                    }
                }
            }
            details.full {
                summary { "Priority, time, runs, timeout" }
                div.form {
                    (field("priority", "priority", "Priority", &value("priority"), "the greater runs first"))
                    (field("at", "at", "Not before", &value("at"), "a time like 2026-11-29T18:00:00Z; empty: now"))
                    (field("retries", "retries", "Runs at most", &value("retries"), "empty: as the task says"))
                    (field("timeout", "timeout", "Timeout in seconds", &value("timeout"), "empty: as the task says"))
                }
            }
            div.full.acts {
                button.main-act { "Publish " (task.name) }
                button name="check" value="yes" { "Check only" }
            }
        }
    }
}

fn parameter(nth: usize, param: &TaskParam, schema: &Value, value: &str) -> Markup {
    let (id, name, about) = (format!("arg-{nth}"), format!("arg:{}", param.name), format!("arg-{nth}-about"));
    let kind = kind(schema);
    let hint = schema["description"].as_str().unwrap_or_default();
    let beneath = if param.required {
        hint.to_owned()
    } else {
        format!("{hint}{}", if hint.is_empty() { "may be left out" } else { "; may be left out" })
    };
    html! {
        div class={ "field" @if kind == Kind::Json { " full" } } {
            label for=(id) { (param.name) " " span.ty { (param.ty) } }
            @match &kind {
                Kind::Truth => { (choice(&id, &name, &about, &["true".to_owned(), "false".to_owned()], value)) }
                Kind::OneOf(all) => { (choice(&id, &name, &about, all, value)) }
                Kind::Json => { textarea id=(id) name=(name) rows="3" spellcheck="false" aria-describedby=(about) { (value) } }
                Kind::Secret => { input id=(id) name=(name) type="password" autocomplete="off" aria-describedby=(about); }
                Kind::Number => { input id=(id) name=(name) inputmode="decimal" autocomplete="off" aria-describedby=(about) value=(value); }
                Kind::Text => { input id=(id) name=(name) autocomplete="off" aria-describedby=(about) value=(value); }
            }
            p id=(about) { @if kind == Kind::Json { "JSON. " } @if kind == Kind::Secret { "Never shown again. " } (beneath) }
        }
    }
}

fn choice(id: &str, name: &str, about: &str, all: &[String], value: &str) -> Markup {
    html! {
        select id=(id) name=(name) aria-describedby=(about) {
            option value="" { "–" }
            @for one in all { option value=(one) selected[one == value] { (one) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_as_its_schema_says() {
        for (schema, wanted) in [
            (json!({"type": "string"}), Kind::Text),
            (json!({"type": ["string", "null"]}), Kind::Text),
            (json!({"type": "integer", "minimum": 0}), Kind::Number),
            (json!({"type": "boolean"}), Kind::Truth),
            (json!({"enum": ["EUR", "CHF"]}), Kind::OneOf(vec!["EUR".to_owned(), "CHF".to_owned()])),
            (json!({"type": "string", "writeOnly": true}), Kind::Secret),
            (json!({"type": "array"}), Kind::Json),
            (json!({"type": ["string", "integer"]}), Kind::Json),
            (json!(null), Kind::Json),
        ] {
            assert_eq!(kind(&schema), wanted, "{schema}");
        }
    }
}
