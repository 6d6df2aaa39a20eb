//! What an older form of a task takes and a newer one does not.
//!
//! Says only what is sure: a narrowing that no rule here sees is found by the bodies that do not fit.

mod schema;

use std::fmt;

use serde::Serialize;

use super::form::{Form, Parameter};

/// One place at which a newer form takes less than the older one did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Narrowed {
    /// Where in the arguments, such as `order.lines[].count`.
    pub path: String,
    /// How, in words about the types; no body is looked at for it.
    pub reason: String,
}

impl Narrowed {
    fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Narrowed { path: path.into(), reason: reason.into() }
    }

    /// The same place, seen from one step further out.
    fn within(mut self, outer: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Narrowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "`{path}` {}", self.reason),
        }
    }
}

pub(super) fn of_forms(old: &Form, new: &Form) -> Vec<Narrowed> {
    let (Some(before), Some(now)) = (&old.params, &new.params) else { return Vec::new() };
    let mut found: Vec<Narrowed> = now.iter().filter_map(|param| demanded(param, before)).collect();
    let mut schemas = schema::Comparison::new(&old.args_schema, &new.args_schema);
    for param in before {
        if now.iter().any(|other| other.name == param.name) {
            let inner = schemas.compare(old.schema_of(&param.name), new.schema_of(&param.name));
            found.extend(inner.into_iter().map(|narrowed| narrowed.within(&param.name)));
        } else if !new.open {
            found.push(Narrowed::new(&param.name, "is not taken any more"));
        }
    }
    if old.open && !new.open {
        found.push(Narrowed::new("", "keywords of other names are not taken any more"));
    }
    found
}

/// A parameter that must be given now, and did not have to be.
fn demanded(param: &Parameter, before: &[Parameter]) -> Option<Narrowed> {
    let was_required = before.iter().any(|other| other.name == param.name && other.required);
    let reason = || match before.iter().any(|other| other.name == param.name) {
        true => format!("must be given now, as {}", param.ty),
        false => format!("is new and must be given, as {}", param.ty),
    };
    (param.required && !was_required).then(|| Narrowed::new(&param.name, reason()))
}

#[cfg(test)]
mod tests {
    use super::super::form::{Form, Parameter};
    use serde_json::json;

    fn form(params: &[(&str, bool, serde_json::Value)]) -> Form {
        let properties: serde_json::Map<_, _> =
            params.iter().map(|(name, _, schema)| ((*name).to_owned(), schema.clone())).collect();
        let parameter = |(name, required, _): &(&str, bool, serde_json::Value)| Parameter {
            name: (*name).to_owned(),
            ty: "T".to_owned(),
            required: *required,
        };
        Form {
            params: Some(params.iter().map(parameter).collect()),
            open: false,
            args_schema: json!({ "properties": properties }),
        }
    }

    fn narrowed(old: &Form, new: &Form) -> Vec<String> {
        old.narrowed_by(new).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn parameters_that_come_go_or_must_be_given_are_named() {
        let integer = json!({ "type": "integer" });
        let one = form(&[("a", true, integer.clone())]);
        let optional = form(&[("a", true, integer.clone()), ("b", false, integer.clone())]);
        let required = form(&[("a", true, integer.clone()), ("b", true, integer.clone())]);
        assert_eq!(narrowed(&one, &optional), Vec::<String>::new());
        assert_eq!(narrowed(&one, &required), ["`b` is new and must be given, as T"]);
        assert_eq!(narrowed(&optional, &required), ["`b` must be given now, as T"]);
        assert_eq!(narrowed(&optional, &one), ["`b` is not taken any more"]);
        let open = Form { open: true, ..one.clone() };
        assert_eq!(narrowed(&optional, &open), Vec::<String>::new());
        assert_eq!(narrowed(&open, &one), ["keywords of other names are not taken any more"]);
        let undeclared = Form { params: None, ..one.clone() };
        assert_eq!(narrowed(&undeclared, &one), Vec::<String>::new());
    }

    #[test]
    fn an_argument_of_another_place_has_moved() {
        let any = json!(true);
        let ab = form(&[("a", true, any.clone()), ("b", true, any.clone())]);
        let ba = form(&[("b", true, any.clone()), ("a", true, any.clone())]);
        let abc = form(&[("a", true, any.clone()), ("b", true, any.clone()), ("c", false, any)]);
        assert_eq!((ab.moved_in(&ba), ab.moved_in(&abc), abc.moved_in(&ab)), (Some("a"), None, None));
    }
}
