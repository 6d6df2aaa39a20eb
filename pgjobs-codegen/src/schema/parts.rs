//! Objects that combine several parts: `allOf`, a reference beside properties, variants beside properties.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::schema::object::{Object, list};
use crate::schema::refs::resolve;

/// A type with more alternatives than this would be of no use.
const MOST: usize = 256;

/// More parts than this are not read: twenty definitions that each contain the next twice make a million
/// parts.
const PARTS: usize = 4096;

/// The references that lead to a part; none is followed inside itself.
type Path<'a> = Vec<&'a str>;

/// The alternatives of an object, each as its parts; serde flattens enums into structs. `None` when there are
/// too many.
pub(crate) fn alternatives(root: &Value, schema: &Value) -> Option<Vec<Vec<Value>>> {
    of(root, schema, &Vec::new(), &mut { PARTS })
}

fn of<'a>(root: &'a Value, schema: &'a Value, path: &Path<'a>, left: &mut usize) -> Option<Vec<Vec<Value>>> {
    let Some(object) = schema.as_object() else { return Some(vec![Vec::new()]) };
    *left = left.checked_sub(1)?;
    let is_own = |key: &str| !["$ref", "allOf", "oneOf", "anyOf"].contains(&key);
    let own: Object =
        object.iter().filter(|(key, _)| is_own(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut several = vec![vec![Value::Object(own)]];
    for (part, path) in parts(root, object, path) {
        several = product(several, of(root, part, &path, left)?)?;
    }
    for key in ["oneOf", "anyOf"] {
        let mut variants = Vec::new();
        for variant in list(object, key) {
            variants.extend(of(root, variant, path, left)?);
        }
        if !variants.is_empty() {
            several = product(several, variants)?;
        }
    }
    Some(several)
}

/// The parts of a schema: those of `allOf`, and the target of its reference.
fn parts<'a>(root: &'a Value, schema: &'a Object, path: &Path<'a>) -> Vec<(&'a Value, Path<'a>)> {
    let mut parts: Vec<_> = list(schema, "allOf").iter().map(|part| (part, path.clone())).collect();
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str).filter(|new| !path.contains(new))
        && let Some(target) = resolve(root, reference)
    {
        parts.push((target, [&path[..], &[reference]].concat()));
    }
    parts
}

fn product(left: Vec<Vec<Value>>, right: Vec<Vec<Value>>) -> Option<Vec<Vec<Value>>> {
    let few = left.len() * right.len() <= MOST;
    let joined = left.iter().flat_map(|left| right.iter().map(move |right| [&left[..], right].concat()));
    few.then(|| joined.collect())
}

/// All parts of an object, merged.
#[derive(Default)]
pub(crate) struct Whole {
    pub(crate) properties: BTreeMap<String, Value>,
    /// In the order of the schema.
    pub(crate) required: Vec<String>,
    /// The schema of further keys.
    pub(crate) rest: Option<Value>,
}

/// Merges the parts of an object.
pub(crate) fn whole(root: &Value, schema: &Value) -> Whole {
    let mut whole = Whole::default();
    whole.gather(root, schema, &Vec::new(), &mut { PARTS });
    whole
}

impl Whole {
    fn gather<'a>(&mut self, root: &'a Value, schema: &'a Value, path: &Path<'a>, left: &mut usize) {
        let Some(schema) = schema.as_object().filter(|_| *left > 0) else { return };
        *left -= 1;
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            self.properties.entry(key.clone()).or_insert_with(|| property.clone());
        }
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if !self.required.iter().any(|known| known == name) {
                self.required.push(name.to_owned());
            }
        }
        let further = schema.get("additionalProperties");
        let further = further.filter(|values| *values == &json!(true) || values.is_object());
        self.rest = self.rest.take().or_else(|| further.cloned());
        for (part, path) in parts(root, schema, path) {
            self.gather(root, part, &path, left);
        }
    }
}
