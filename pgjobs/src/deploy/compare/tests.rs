//! Compares schemas of Rust types, and hand-written ones.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::schema::Comparison;
use crate::types::integer_bounds::schema;

fn incompatible(old: &Value, new: &Value) -> Vec<String> {
    Comparison::new(old, new).compare(old, new).iter().map(ToString::to_string).collect()
}

fn of<Old: JsonSchema, New: JsonSchema>() -> Vec<String> {
    incompatible(schema::<Old>().as_value(), schema::<New>().as_value())
}

mod old {
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) struct Order {
        pub(super) id: i64,
        pub(super) lines: Vec<Line>,
        pub(super) parent: Option<Box<Order>>,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) struct Line {
        pub(super) count: i64,
        pub(super) note: Option<String>,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) enum Way {
        Land,
        Sea,
        Air { height: i64 },
    }
}

mod new {
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) struct Order {
        pub(super) id: i64,
        pub(super) lines: Vec<Line>,
        pub(super) parent: Option<Box<Order>>,
        pub(super) weight: Option<f64>,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) struct Line {
        pub(super) count: i32,
        pub(super) note: String,
    }
    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    pub(super) enum Way {
        Land,
        Air { height: i64 },
    }
}

#[test]
fn what_is_as_wide_is_no_narrowing() {
    let none = Vec::<String>::new();
    assert_eq!(of::<old::Order, old::Order>(), none);
    assert_eq!(of::<i32, i64>(), none);
    assert_eq!(of::<i64, f64>(), none);
    assert_eq!(of::<i64, Option<i64>>(), none);
    assert_eq!(of::<old::Line, Option<old::Line>>(), none);
    assert_eq!(of::<Option<i64>, Option<serde_json::Value>>(), none);
    assert_eq!(of::<new::Way, old::Way>(), none);
    assert_eq!(of::<String, Value>(), none);
}

#[test]
fn what_is_incompatible_is_named_by_its_path() {
    assert_eq!(of::<i64, String>(), ["takes string now, and took integer"]);
    assert_eq!(of::<f64, i64>().len(), 1);
    assert_eq!(of::<Option<String>, String>(), ["may not be null any more"]);
    assert_eq!(of::<Value, String>(), ["takes string alone now, and took anything"]);
    assert_eq!(of::<old::Way, new::Way>(), ["does not take `\"Sea\"` any more"]);
    assert_eq!(
        of::<i64, i32>(),
        [
            "has the minimum -2147483648 now, which was -9223372036854775808",
            "has the maximum 2147483647 now, which was 9223372036854775807"
        ]
    );
    let order = of::<old::Order, new::Order>();
    assert!(order.iter().any(|found| found.starts_with("`lines[].count` has the minimum")), "{order:?}");
    assert!(order.contains(&"`lines[].note` must be given now".to_owned()), "{order:?}");
    assert_eq!(of::<Vec<i64>, Vec<String>>(), ["`[]` takes string now, and took integer"]);
}

#[test]
fn fields_texts_and_lists_are_compared() {
    let open = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let closed = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    assert_eq!(
        incompatible(&open, &closed),
        ["`a` is not taken any more", "does not take fields of other names any more"]
    );
    let text = json!({ "type": "string" });
    let uuid = json!({ "type": "string", "format": "uuid" });
    assert_eq!(incompatible(&text, &uuid), ["must be a text of the format \"uuid\" now"]);
    assert_eq!(incompatible(&uuid, &text), Vec::<String>::new());
    let listed = json!({ "enum": ["a"] });
    assert_eq!(incompatible(&text, &listed), ["takes listed values alone now"]);
    assert_eq!(incompatible(&listed, &text), Vec::<String>::new());
    assert_eq!(incompatible(&listed, &json!({ "enum": ["b", "c"] })), ["does not take `\"a\"` any more"]);
}
