//! Compares two signatures of a task: what the older one takes and the newer one does not.
//!
//! Reports only certain differences: an incompatibility that no rule here detects shows up in the bodies that
//! do not fit.

mod facts;
mod schema;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

use super::signature::{Parameter, Signature};

/// One value for which a newer signature takes less than the older one did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Incompatible {
    /// The path in the arguments, such as `order.lines[].count`.
    pub path: String,
    /// The difference, in terms of the types; no body is read for it.
    pub reason: String,
}

impl Incompatible {
    fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Incompatible { path: path.into(), reason: reason.into() }
    }

    /// The same difference, with the path of the enclosing value prepended.
    fn within(mut self, outer: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => outer.to_owned(),
            inner if inner.starts_with('[') => format!("{outer}{inner}"),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "`{path}` {}", self.reason),
        }
    }
}

pub(super) fn of_signatures(old: &Signature, new: &Signature) -> Vec<Incompatible> {
    let (Some(before), Some(now)) = (&old.params, &new.params) else { return Vec::new() };
    let mut found: Vec<Incompatible> = now.iter().filter_map(|param| demanded(param, before)).collect();
    let mut schemas = schema::Comparison::new(&old.args_schema, &new.args_schema);
    for param in before {
        if now.iter().any(|other| other.name == param.name) {
            let inner = schemas.compare(old.schema_of(&param.name), new.schema_of(&param.name));
            found.extend(inner.into_iter().map(|incompatible| incompatible.within(&param.name)));
        } else if !new.extra_kwargs {
            found.push(Incompatible::new(&param.name, "is not taken any more"));
        }
    }
    if old.extra_kwargs && !new.extra_kwargs {
        found.push(Incompatible::new("", "keywords of other names are not taken any more"));
    }
    found
}

/// A parameter that is required now, and was not before.
fn demanded(param: &Parameter, before: &[Parameter]) -> Option<Incompatible> {
    let was_required = before.iter().any(|other| other.name == param.name && other.required);
    let reason = || match before.iter().any(|other| other.name == param.name) {
        true => format!("must be given now, as {}", param.ty),
        false => format!("is new and must be given, as {}", param.ty),
    };
    (param.required && !was_required).then(|| Incompatible::new(&param.name, reason()))
}
