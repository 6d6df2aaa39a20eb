//! The alternatives of a schema.

use serde_json::{Value, json};

use crate::model::Choice;
use crate::names::pascal;
use crate::schema::object::{Object, changed, is_object, list};
use crate::schema::parts;

/// Whether it has too many alternatives to be written as a type.
pub(crate) fn is_vast(root: &Value, schema: &Value) -> bool {
    schema.as_object().is_some_and(is_object) && parts::alternatives(root, schema).is_none()
}

/// The alternatives of a schema.
pub(crate) fn variants(root: &Value, schema: &Object) -> Vec<Value> {
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

/// A name for a variant: its title or text, its tag, or its only key.
pub(crate) fn variant_word(variant: &Value) -> Option<String> {
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

/// The strings that a schema allows, if it allows nothing else.
pub(crate) fn texts(schema: &Value) -> Option<Vec<Choice>> {
    let doc = schema["description"].as_str().unwrap_or_default();
    let one = |value: &Value| Some(Choice { value: value.as_str()?.to_owned(), doc: doc.to_owned() });
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(constant), _) => Some(vec![one(constant)?]),
        (None, Some(values)) => values.iter().map(one).collect(),
        (None, None) => None,
    }
}
