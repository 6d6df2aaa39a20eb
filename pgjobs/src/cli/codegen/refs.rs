//! References inside a schema.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What `#` or `#/$defs/Name` stands for.
pub(super) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// A text that is the same for schemas that say the same under the same name, whichever document they come from.
pub(super) fn closure(root: &Value, schema: &Value, name: &str) -> String {
    let mut reached = BTreeMap::new();
    reach(root, schema, &mut reached);
    json!([name, content(schema), reached]).to_string()
}

fn reach(root: &Value, schema: &Value, reached: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                && !reached.contains_key(reference)
                && let Some(target) = resolve(root, reference)
            {
                reached.insert(reference.to_owned(), content(target));
                reach(root, &content(target), reached);
            }
            let inside = object.iter().filter(|(key, _)| *key != "$defs");
            inside.for_each(|(_, part)| reach(root, part, reached));
        }
        Value::Array(parts) => parts.iter().for_each(|part| reach(root, part, reached)),
        _ => {}
    }
}

/// What a schema says, without what only the top of a document has; keys in order.
fn content(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    let kept = object.iter().filter(|(key, _)| !["$schema", "$defs", "title"].contains(&key.as_str()));
    let sorted: BTreeMap<_, _> = kept.map(|(key, value)| (key, sorted(value))).collect();
    json!(sorted)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            json!(object.iter().map(|(k, v)| (k, sorted(v))).collect::<BTreeMap<_, _>>())
        }
        Value::Array(parts) => parts.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
