//! The signature of a task: its parameters in order, and the schema of its arguments.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compare::{self, Incompatible};
use crate::task::definition::TaskDef;

/// One published parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: String,
    pub(crate) required: bool,
}

/// The signature of a task, as a program declares it and the database stores it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signature {
    /// `None` for a task of a worker in another language, whose bodies are not decoded.
    pub(crate) params: Option<Vec<Parameter>>,
    #[serde(default)]
    pub(crate) extra_kwargs: bool,
    pub(crate) args_schema: Value,
}

impl Signature {
    /// The signature of a task of this program.
    pub(crate) fn of(task: &TaskDef) -> Self {
        let parameter = |p: &crate::types::body::Param| Parameter {
            name: p.name.to_owned(),
            ty: p.ty.to_owned(),
            required: p.required,
        };
        Signature {
            params: Some(task.params.iter().map(parameter).collect()),
            extra_kwargs: task.extra_kwargs,
            args_schema: bare(&(task.args_schema)().to_value()),
        }
    }

    /// The same signature without descriptions, for comparison.
    pub(crate) fn bare(mut self) -> Self {
        self.args_schema = bare(&self.args_schema);
        self
    }

    /// The schema of one argument.
    pub(crate) fn schema_of(&self, name: &str) -> &Value {
        &self.args_schema["properties"][name]
    }

    /// What this signature takes and the newer one does not, as far as the schemas show.
    pub(crate) fn incompatible_with(&self, newer: &Signature) -> Vec<Incompatible> {
        compare::of_signatures(self, newer)
    }

    /// The first argument whose position has another argument in the newer signature, so that positional
    /// values change their meaning.
    pub(crate) fn moved_in(&self, newer: &Signature) -> Option<&str> {
        let (old, new) = (self.params.as_deref()?, newer.params.as_deref()?);
        let moved = old.iter().zip(new).find(|(old, new)| old.name != new.name);
        moved.map(|(old, _)| old.name.as_str())
    }
}

const DESCRIPTIONS: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// A schema without titles, descriptions and defaults, which do not change how a body is read.
fn bare(schema: &Value) -> Value {
    match schema {
        Value::Array(list) => list.iter().map(bare).collect(),
        Value::Object(keywords) => {
            let kept = keywords.iter().filter(|(keyword, _)| !DESCRIPTIONS.contains(&keyword.as_str()));
            kept.map(|(keyword, value)| (keyword.clone(), bare_value(keyword, value))).collect()
        }
        value => value.clone(),
    }
}

/// The value of a keyword: names that the user chose are not keywords, and listed values are not schemas.
fn bare_value(keyword: &str, value: &Value) -> Value {
    match (keyword, value) {
        ("properties" | "patternProperties" | "$defs", Value::Object(named)) => {
            named.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect()
        }
        ("enum" | "const", listed) => listed.clone(),
        (_, schema) => bare(schema),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Parameter, Signature};

    #[test]
    fn descriptions_go_and_names_stay() {
        let schema = json!({
            "title": "order", "description": "x", "required": ["title"],
            "properties": { "title": { "type": "string", "description": "x", "default": "" }, "kind": { "const": { "title": 1 } } }
        });
        let left = json!({
            "required": ["title"],
            "properties": { "title": { "type": "string" }, "kind": { "const": { "title": 1 } } }
        });
        assert_eq!(super::bare(&schema), left);
    }

    fn signature(params: &[(&str, bool, serde_json::Value)]) -> Signature {
        let properties: serde_json::Map<_, _> =
            params.iter().map(|(name, _, schema)| ((*name).to_owned(), schema.clone())).collect();
        let parameter = |(name, required, _): &(&str, bool, serde_json::Value)| Parameter {
            name: (*name).to_owned(),
            ty: "T".to_owned(),
            required: *required,
        };
        Signature {
            params: Some(params.iter().map(parameter).collect()),
            extra_kwargs: false,
            args_schema: json!({ "properties": properties }),
        }
    }

    fn incompatible(old: &Signature, new: &Signature) -> Vec<String> {
        old.incompatible_with(new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parameters_that_come_go_or_must_be_given_are_named() {
        let integer = json!({ "type": "integer" });
        let one = signature(&[("a", true, integer.clone())]);
        let optional = signature(&[("a", true, integer.clone()), ("b", false, integer.clone())]);
        let required = signature(&[("a", true, integer.clone()), ("b", true, integer.clone())]);
        assert_eq!(incompatible(&one, &optional), Vec::<String>::new());
        assert_eq!(incompatible(&one, &required), ["`b` is new and must be given, as T"]);
        assert_eq!(incompatible(&optional, &required), ["`b` must be given now, as T"]);
        assert_eq!(incompatible(&optional, &one), ["`b` is not taken any more"]);
        let open = Signature { extra_kwargs: true, ..one.clone() };
        assert_eq!(incompatible(&optional, &open), Vec::<String>::new());
        assert_eq!(incompatible(&open, &one), ["keywords of other names are not taken any more"]);
        let undeclared = Signature { params: None, ..one.clone() };
        assert_eq!(incompatible(&undeclared, &one), Vec::<String>::new());
    }

    #[test]
    fn an_argument_at_another_position_has_moved() {
        let any = json!(true);
        let ab = signature(&[("a", true, any.clone()), ("b", true, any.clone())]);
        let ba = signature(&[("b", true, any.clone()), ("a", true, any.clone())]);
        let abc = signature(&[("a", true, any.clone()), ("b", true, any.clone()), ("c", false, any)]);
        assert_eq!((ab.moved_in(&ba), ab.moved_in(&abc), abc.moved_in(&ab)), (Some("a"), None, None));
    }
}
