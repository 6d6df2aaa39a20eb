//! Writes types as Rust.

use serde_json::Value;

use crate::model::Type;

pub(crate) fn ty(of: &Type) -> String {
    match of {
        Type::Any | Type::Unsaid(_) => "Value".to_owned(),
        Type::Null => "()".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Integer(format) => integer(format.as_deref()).to_owned(),
        Type::Number => "f64".to_owned(),
        Type::Text => "String".to_owned(),
        Type::Constant(Value::Bool(_)) => "bool".to_owned(),
        Type::Constant(Value::Number(_)) => "i64".to_owned(),
        Type::Constant(_) => "String".to_owned(),
        Type::List(item) => format!("Vec<{}>", ty(item)),
        Type::Tuple(parts) => tuple(parts.iter().map(ty)),
        Type::Map(values) => format!("BTreeMap<String, {}>", ty(values)),
        Type::Nullable(inner) => optional(&ty(inner), inner),
        Type::Named(name) => name.clone(),
    }
}

/// The type of a value that may be absent or null, which is one `Option` in Rust.
pub(crate) fn optional(written: &str, of: &Type) -> String {
    if matches!(of, Type::Nullable(_)) { written.to_owned() } else { format!("Option<{written}>") }
}

pub(crate) fn tuple(parts: impl Iterator<Item = String>) -> String {
    match parts.collect::<Vec<_>>().as_slice() {
        [] => "[(); 0]".to_owned(),
        [one] => format!("({one},)"),
        several => format!("({})", several.join(", ")),
    }
}

fn integer(format: Option<&str>) -> &'static str {
    match format {
        Some("int8") => "i8",
        Some("int16") => "i16",
        Some("int32") => "i32",
        Some("uint8") => "u8",
        Some("uint16") => "u16",
        Some("uint32") => "u32",
        Some("uint64" | "uint") => "u64",
        Some("int128") => "i128",
        Some("uint128") => "u128",
        _ => "i64",
    }
}
