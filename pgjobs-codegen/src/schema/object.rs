//! Properties of one schema, without following its references.

use serde_json::{Map, Value, json};

pub(crate) type Object = Map<String, Value>;

/// Whether it is an object with known keys, alone or beside variants.
pub(crate) fn is_object(schema: &Object) -> bool {
    let has = |key: &str| schema.get(key).and_then(Value::as_object).is_some_and(|parts| !parts.is_empty());
    let closed = schema.get("additionalProperties") == Some(&json!(false))
        && !schema.contains_key("patternProperties");
    let merged = list(schema, "allOf").len() > 1;
    has("properties") || merged || (closed && schema.get("type") == Some(&json!("object")))
}

/// The schema of the values of an object whose keys are not known.
pub(crate) fn values(schema: &Object) -> Option<&Value> {
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    let one = patterns.filter(|patterns| patterns.len() == 1).and_then(|patterns| patterns.values().next());
    one.or_else(|| schema.get("additionalProperties").filter(|values| values.is_object()))
}

pub(crate) fn list<'a>(schema: &'a Object, key: &str) -> &'a [Value] {
    schema.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(crate) fn changed(schema: &Object, key: &str, value: Option<Value>) -> Value {
    let mut schema = schema.clone();
    schema.remove(key);
    schema.extend(value.map(|value| (key.to_owned(), value)));
    Value::Object(schema)
}

/// The schema without null, if it allows null.
pub(crate) fn without_null(schema: &Object) -> Option<Value> {
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
