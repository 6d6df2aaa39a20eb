//! Adds to the JSON Schema of a Rust type what schemars leaves out.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

/// The JSON Schema of a type, with the bounds of its integers.
pub(crate) fn schema<T: schemars::JsonSchema>() -> schemars::Schema {
    let mut schema = schemars::schema_for!(T);
    bound_integers(&mut schema);
    schema
}

/// Adds the bounds of each integer, which schemars does only for small types: publishing then refuses a value
/// that does not fit an `i32`.
fn bound_integers(schema: &mut Schema) {
    BoundIntegers.transform(schema);
}

struct BoundIntegers;

impl Transform for BoundIntegers {
    fn transform(&mut self, schema: &mut Schema) {
        if schema.get("type").is_some_and(names_integers)
            && let Some((least, most)) = schema.get("format").and_then(Value::as_str).and_then(bounds)
        {
            let object = schema.ensure_object();
            object.entry("minimum").or_insert(least);
            object.entry("maximum").or_insert(most);
        }
        transform_subschemas(self, schema);
    }
}

fn names_integers(types: &Value) -> bool {
    types == "integer" || types.as_array().is_some_and(|types| types.iter().any(|ty| ty == "integer"))
}

fn bounds(format: &str) -> Option<(Value, Value)> {
    Some(match format {
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "int" => (isize::MIN.into(), isize::MAX.into()),
        "uint32" => (u32::MIN.into(), u32::MAX.into()),
        "uint64" => (u64::MIN.into(), u64::MAX.into()),
        "uint" => (usize::MIN.into(), usize::MAX.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Order {
        count: Option<u32>,
        ids: Vec<i64>,
        weight: f64,
    }

    #[test]
    fn integers_are_bounded_at_every_depth() {
        let schema = super::schema::<Order>();
        let properties = &schema.as_value()["properties"];
        assert_eq!(
            (&properties["count"]["minimum"], &properties["count"]["maximum"]),
            (&json!(0), &json!(u32::MAX))
        );
        assert_eq!(properties["ids"]["items"]["maximum"], json!(i64::MAX));
        assert_eq!(properties["weight"].get("maximum"), None);
    }
}
