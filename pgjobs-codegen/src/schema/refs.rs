//! References inside a schema.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The schema that `#` or `#/$defs/Name` refers to.
pub(crate) fn resolve<'a>(root: &'a Value, reference: &str) -> Option<&'a Value> {
    root.pointer(reference.strip_prefix('#')?)
}

/// A key that is equal for schemas with the same name and content, whichever document they come from.
pub(crate) fn closure(root: &Value, schema: &Value, name: &str) -> String {
    let mut reached = BTreeMap::new();
    reach(root, schema, &mut reached);
    json!([name, content(root, schema), reached]).to_string()
}

/// One reference for one type: the top of a document is `#` there, and a definition in other documents.
fn canonical(root: &Value, reference: &str) -> String {
    match (reference, root["title"].as_str()) {
        ("#", Some(title)) => format!("#/$defs/{title}"),
        _ => reference.to_owned(),
    }
}

fn reach(root: &Value, schema: &Value, reached: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Object(object) => {
            if let Some(reference) = object.get("$ref").and_then(Value::as_str)
                && !reached.contains_key(&canonical(root, reference))
                && let Some(target) = resolve(root, reference)
            {
                reached.insert(canonical(root, reference), content(root, target));
                reach(root, target, reached);
            }
            for (_, part) in object.iter().filter(|(key, _)| *key != "$defs") {
                reach(root, part, reached);
            }
        }
        Value::Array(parts) => parts.iter().for_each(|part| reach(root, part, reached)),
        _ => {}
    }
}

/// The content of a schema without the keys that only the top of a document has, in the order of the keys.
fn content(root: &Value, schema: &Value) -> Value {
    let mut content = sorted(root, schema);
    if let Some(object) = content.as_object_mut() {
        object.retain(|key, _| !["$schema", "$defs", "title"].contains(&key.as_str()));
    }
    content
}

fn sorted(root: &Value, value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let part = |(key, value): (&String, &Value)| match value {
                Value::String(reference) if key == "$ref" => (key.clone(), canonical(root, reference).into()),
                value => (key.clone(), sorted(root, value)),
            };
            json!(object.iter().map(part).collect::<BTreeMap<String, Value>>())
        }
        Value::Array(parts) => parts.iter().map(|part| sorted(root, part)).collect(),
        other => other.clone(),
    }
}
