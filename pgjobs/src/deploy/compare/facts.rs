//! Reads facts from one JSON Schema.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Resolves references into the same document.
pub(super) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut at = schema;
    for _ in 0..16 {
        let target = at.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
        match target.and_then(|path| root.pointer(path)) {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

pub(super) fn has_variants(schema: &Value) -> bool {
    schema.get("anyOf").is_some() || schema.get("oneOf").is_some()
}

pub(super) fn variants(schema: &Value) -> Vec<&Value> {
    let list = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    list.map_or_else(|| vec![schema], |list| list.iter().collect())
}

/// All possible values, for a schema that lists them.
pub(super) fn values(schema: &Value) -> Option<Vec<&Value>> {
    if let Some(value) = schema.get("const") {
        return Some(vec![value]);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return Some(list.iter().collect());
    }
    if !has_variants(schema) {
        return None;
    }
    let lists: Option<Vec<_>> = variants(schema).into_iter().map(values).collect();
    Some(lists?.concat())
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The types that a schema takes; `None` means any. A number includes integers.
pub(super) fn types(schema: &Value) -> Option<BTreeSet<&str>> {
    let mut types: BTreeSet<&str> = match schema.get("type")? {
        Value::String(ty) => BTreeSet::from([ty.as_str()]),
        list => list.as_array()?.iter().filter_map(Value::as_str).collect(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    Some(types)
}

pub(super) fn listed(types: &BTreeSet<&str>) -> String {
    let both = types.contains("number");
    types.iter().filter(|ty| !(both && **ty == "integer")).copied().collect::<Vec<_>>().join(" or ")
}

pub(super) fn names(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

pub(super) fn is_object(schema: &Map<String, Value>) -> bool {
    schema.get("type").is_some_and(|ty| ty == "object") || schema.contains_key("properties")
}

/// Describes a variant by its values, fields or types.
pub(super) fn words(schema: &Value) -> String {
    if let Some(values) = values(schema) {
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    let fields = schema.get("properties").and_then(Value::as_object);
    if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
        let tag = fields.iter().find_map(|(name, schema)| Some((name, schema.get("const")?)));
        return match (tag, fields.keys().next()) {
            (Some((name, value)), _) => format!("an object whose `{name}` is `{value}`"),
            (None, Some(name)) => format!("an object with `{name}` as before"),
            (None, None) => "an object".to_owned(),
        };
    }
    types(schema).map_or_else(|| "a variant".to_owned(), |types| listed(&types))
}
