//! The types of schemas that hold no others.

use serde_json::Value;

use crate::model::Type;
use crate::schema::object::Object;

/// The type that a schema names: a number, a text, or anything.
pub(crate) fn scalar(schema: &Object) -> Type {
    match schema.get("type").and_then(Value::as_str) {
        Some("null") => Type::Null,
        Some("boolean") => Type::Boolean,
        Some("integer") => Type::Integer(schema.get("format").and_then(Value::as_str).map(str::to_owned)),
        Some("number") => Type::Number,
        Some("string") => Type::Text,
        _ => anything(schema),
    }
}

/// The type of exactly this value.
pub(crate) fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::String(_) | Value::Bool(_) => Type::Constant(value.clone()),
        Value::Number(number) if !number.is_f64() => Type::Constant(value.clone()),
        other => unsaid(format!("always {other}")),
    }
}

/// Anything, with what the schema has there.
pub(crate) fn unsaid(words: impl Into<String>) -> Type {
    Type::Unsaid(words.into())
}

/// A schema without a type: `Any`, unless it has keywords that the generated types do not express.
fn anything(schema: &Object) -> Type {
    const SILENT: [&str; 10] = [
        "$schema",
        "$defs",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "writeOnly",
        "format",
    ];
    let said: Vec<&str> = schema.keys().map(String::as_str).filter(|key| !SILENT.contains(key)).collect();
    if said.is_empty() { Type::Any } else { unsaid(format!("`{}` of its schema", said.join("`, `"))) }
}
