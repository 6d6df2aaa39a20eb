//! Which values of a job its task declares as sensitive, by the schema of its arguments.

use std::collections::HashMap;

use serde_json::Value;

use super::definition::TaskDef;
use super::secrets::Secrets;

/// Schemas that are deeper are not followed.
const DEEPEST: usize = 30;

/// The schemas of the tasks that declare something as sensitive, by every name of theirs.
#[derive(Default)]
pub(crate) struct SensitiveTasks(HashMap<&'static str, (&'static TaskDef, Value)>);

impl SensitiveTasks {
    pub(crate) fn of(tasks: impl Iterator<Item = (&'static str, &'static TaskDef)>) -> Self {
        let schemas = tasks.map(|(name, def)| (name, (def, Value::from((def.args_schema)()))));
        SensitiveTasks(schemas.filter(|(_, (_, schema))| has_sensitive(schema)).collect())
    }

    /// What a run with this body must not say; `None` for a task without anything sensitive.
    pub(crate) fn secrets(&self, task: &str, body: Option<&str>) -> Option<Secrets> {
        let (def, schema) = self.0.get(task)?;
        let body: Value = serde_json::from_str(body?).ok()?;
        let mut found = Found { root: schema, texts: Vec::new() };
        found.arguments(def, &body);
        Some(Secrets::new(found.texts))
    }
}

fn has_sensitive(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => {
            fields.get("writeOnly") == Some(&Value::Bool(true)) || fields.values().any(has_sensitive)
        }
        Value::Array(parts) => parts.iter().any(has_sensitive),
        _ => false,
    }
}

/// What a walk through a schema and a value has found.
struct Found<'s> {
    root: &'s Value,
    texts: Vec<String>,
}

impl Found<'_> {
    /// Positional arguments have the schemas of the parameters with their numbers.
    fn arguments(&mut self, def: &TaskDef, body: &Value) {
        let root = self.root;
        for (nth, value) in body["args"].as_array().into_iter().flatten().enumerate() {
            match def.params.get(nth) {
                Some(param) => self.walk(&root["properties"][param.name], value, 0),
                None => self.all(value),
            }
        }
        self.walk(root, &body["kwargs"], 0);
    }

    fn walk(&mut self, schema: &Value, value: &Value, depth: usize) {
        if schema["writeOnly"] == true || depth > DEEPEST {
            return self.all(value);
        }
        let referred = schema["$ref"].as_str().and_then(|name| self.root.pointer(name.strip_prefix('#')?));
        if let Some(schema) = referred {
            self.walk(schema, value, depth + 1);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for part in schema[key].as_array().into_iter().flatten() {
                self.walk(part, value, depth + 1);
            }
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            let own = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
            self.walk(own, field, depth + 1);
        }
        for (nth, item) in value.as_array().into_iter().flatten().enumerate() {
            let own = schema["prefixItems"].get(nth).unwrap_or(&schema["items"]);
            self.walk(own, item, depth + 1);
        }
    }

    /// All texts and numbers in a value.
    fn all(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.texts.push(text.clone()),
            Value::Number(number) => self.texts.push(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.all(item)),
            Value::Object(fields) => fields.values().for_each(|field| self.all(field)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_wherever_the_schema_has_them() {
        let schema = serde_json::json!({
            "properties": {
                "order": {"type": "integer"},
                "token": {"writeOnly": true},
                "cards": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/Card"}, {"type": "null"}]}},
                "pair": {"prefixItems": [{}, {"writeOnly": true}]},
                "named": {"additionalProperties": {"writeOnly": true}},
            },
            "$defs": {"Card": {"properties": {"holder": {}, "number": {"writeOnly": true}}}},
        });
        let mut found = Found { root: &schema, texts: Vec::new() };
        let body = serde_json::json!({
            "order": 123456, "token": {"deep": ["token-1", 31337, true, null]},
            "cards": [{"holder": "Mara", "number": "4242"}, null], "pair": ["left", "right"], "named": {"x": "y-value"},
        });
        found.walk(&schema, &body, 0);
        found.texts.sort_unstable();
        assert_eq!(found.texts, ["31337", "4242", "right", "token-1", "y-value"]);
        assert!(
            has_sensitive(&schema) && !has_sensitive(&serde_json::json!({"properties": {"writeOnly": {}}}))
        );
    }
}
