//! Schemas of objects: their fields, also those that come from parts, and their variants.

use serde_json::{Map, Value, json};

use super::lower::Lowering;
use super::model::{Field, Record};
use super::names::pascal;
use super::parts::{self, Whole};

pub(super) type Object = Map<String, Value>;

/// Whether it is an object with known keys, alone or beside variants.
pub(super) fn is_object(schema: &Object) -> bool {
    let has = |key: &str| schema.get(key).and_then(Value::as_object).is_some_and(|parts| !parts.is_empty());
    let closed = schema.get("additionalProperties") == Some(&json!(false))
        && !schema.contains_key("patternProperties");
    let merged = list(schema, "allOf").len() > 1;
    has("properties") || merged || (closed && schema.get("type") == Some(&json!("object")))
}

/// The schema of the values of an object whose keys are not known.
pub(super) fn values(schema: &Object) -> Option<&Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let one = patterns.filter(|patterns| patterns.len() == 1).and_then(|patterns| patterns.values().next());
    one.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

pub(super) fn list<'a>(schema: &'a Object, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether it may be one of so many that no type says it.
pub(super) fn is_vast(root: &Value, schema: &Value) -> bool {
    schema.as_object().is_some_and(is_object) && parts::alternatives(root, schema).is_none()
}

/// What it may be one of.
pub(super) fn variants(root: &Value, schema: &Object) -> Vec<Value> {
    if let Some([_, _, ..]) = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        return list(schema, "enum").iter().map(|value| json!({ "const": value })).collect();
    }
    if let Some(types) = schema.get("type").and_then(Value::as_array) {
        let with = |ty: &Value| changed(schema, "type", Some(ty.clone()));
        return types.iter().map(with).collect();
    }
    if is_object(schema) {
        let whole = Value::Object(schema.clone());
        let several = parts::alternatives(root, &whole).unwrap_or_default();
        return if several.len() > 1 {
            several.into_iter().map(|of| json!({ "allOf": of })).collect()
        } else {
            Vec::new()
        };
    }
    let key = if schema.contains_key("oneOf") { "oneOf" } else { "anyOf" };
    list(schema, key).to_vec()
}

fn changed(schema: &Object, key: &str, value: Option<Value>) -> Value {
    let mut schema = schema.clone();
    schema.remove(key);
    schema.extend(value.map(|value| (key.to_owned(), value)));
    Value::Object(schema)
}

/// The schema of what it is besides null, if it may be null.
pub(super) fn without_null(schema: &Object) -> Option<Value> {
    let null = json!("null");
    if let Some(types) = schema.get("type").and_then(Value::as_array)
        && types.len() > 1
        && types.contains(&null)
    {
        let mut others: Vec<_> = types.iter().filter(|ty| **ty != null).cloned().collect();
        let ty = if others.len() == 1 { others.remove(0) } else { others.into() };
        let rest = changed(schema, "type", Some(ty));
        return without_value(rest.as_object()?, "enum", &Value::Null).or(Some(rest));
    }
    let no_type = json!({ "type": "null" });
    without_value(schema, "enum", &Value::Null)
        .or_else(|| without_value(schema, "anyOf", &no_type))
        .or_else(|| without_value(schema, "oneOf", &no_type))
}

fn without_value(schema: &Object, key: &str, value: &Value) -> Option<Value> {
    let several = list(schema, key);
    let others: Vec<Value> = several.iter().filter(|one| *one != value).cloned().collect();
    let some = !others.is_empty() && others.len() < several.len();
    some.then(|| changed(schema, key, Some(others.into())))
}

/// A word for a variant: its tag, its only key, its text.
pub(super) fn variant_word(variant: &Value) -> Option<String> {
    let parts = variant["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(word) = parts.iter().rev().find_map(variant_word) {
        return Some(word);
    }
    let own = variant["title"].as_str().or_else(|| variant["const"].as_str());
    let properties = variant["properties"].as_object();
    let tag = || properties?.values().find_map(|property| property["const"].as_str());
    let only = || properties.filter(|properties| properties.len() == 1)?.keys().next().map(String::as_str);
    own.or_else(tag).or_else(only).map(pascal)
}

/// The fields of an object, with those of the parts that it is made of.
pub(super) fn record(lowering: &mut Lowering, root: &Value, schema: &Value, name: &str) -> Record {
    let Whole { properties, required, rest } = parts::whole(root, schema);
    let place = |name: &str| required.iter().position(|needed| needed == name);
    let mut fields: Vec<Field> = properties
        .iter()
        .map(|(key, schema)| Field {
            name: key.clone(),
            doc: schema["description"].as_str().unwrap_or_default().to_owned(),
            ty: lowering.ty(root, schema, &field_hint(name, key)),
            required: place(key).is_some(),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
        })
        .collect();
    fields.sort_by_key(|field| place(&field.name).unwrap_or(usize::MAX));
    let rest = rest.map(|values| lowering.ty(root, &values, &format!("{name}Value")));
    Record { fields, rest, is_variant: false }
}

/// What to call the type of a field; what a variant holds is not called after it twice.
fn field_hint(record: &str, key: &str) -> String {
    let key = pascal(key);
    if record.ends_with(&key) { format!("{record}Content") } else { format!("{record}{key}") }
}
