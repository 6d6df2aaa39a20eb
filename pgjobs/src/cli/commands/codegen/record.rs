//! Objects with known keys: their fields, including those of their parts.

use serde_json::Value;

use super::lower::Lowering;
use super::model::{Field, Record};
use super::names::pascal;
use super::parts::{self, Whole};

impl Lowering {
    /// The fields of an object, including those of its parts.
    pub(crate) fn record(&mut self, root: &Value, schema: &Value, name: &str) -> Record {
        let Whole { properties, required, rest } = parts::whole(root, schema);
        let place = |name: &str| required.iter().position(|needed| needed == name);
        let mut fields: Vec<Field> = properties
            .iter()
            .map(|(key, schema)| Field {
                name: key.clone(),
                doc: schema["description"].as_str().unwrap_or_default().to_owned(),
                ty: self.ty(root, schema, &field_hint(name, key)),
                required: place(key).is_some(),
                default: schema.get("default").filter(|value| !value.is_null()).cloned(),
            })
            .collect();
        fields.sort_by_key(|field| place(&field.name).unwrap_or(usize::MAX));
        let rest = rest.map(|values| self.ty(root, &values, &format!("{name}Value")));
        Record { fields, rest, is_variant: false }
    }
}

/// A name for the type of a field. A record that is already named after the key does not repeat it.
fn field_hint(record: &str, key: &str) -> String {
    let key = pascal(key);
    if record.ends_with(&key) { format!("{record}Content") } else { format!("{record}{key}") }
}
