//! Types that contain themselves: Rust requires a box inside of a value, and allows no such alias.

use std::collections::BTreeSet;

use super::shapes::Shapes;
use super::types::{optional, tuple, ty};
use crate::model::{Kind, Type};

impl Shapes<'_> {
    /// The type of a field, boxed where it would otherwise contain the type `within` by value.
    pub(crate) fn boxed(&self, of: &Type, within: &str) -> String {
        match of {
            Type::Named(name) if self.holds(name, within, &mut BTreeSet::new()) => format!("Box<{name}>"),
            Type::Nullable(inner) => optional(&self.boxed(inner, within), inner),
            Type::Tuple(parts) => tuple(parts.iter().map(|part| self.boxed(part, within))),
            other => ty(other),
        }
    }

    /// Whether a value of `name` contains one of `sought`, not behind a pointer.
    fn holds<'b>(&'b self, name: &'b str, sought: &str, seen: &mut BTreeSet<&'b str>) -> bool {
        let parts = |name| self.definitions.get(name).map(|definition| held(&definition.kind));
        name == sought
            || seen.insert(name)
                && parts(name).unwrap_or_default().iter().any(|part| self.holds(part, sought, seen))
    }

    /// The target of an alias. `Value` if the type refers to itself, because that cannot be an alias.
    pub(crate) fn alias(&self, of: &Type, name: &str) -> String {
        if self.mentions(of, name, 0) { "Value".to_owned() } else { ty(of) }
    }

    /// Whether a type leads to the name through other aliases.
    fn mentions(&self, of: &Type, name: &str, depth: usize) -> bool {
        let next = match of {
            Type::Named(other) if other == name || depth > 16 => return true,
            Type::Named(_) => match self.definition(of).map(|definition| &definition.kind) {
                Some(Kind::Alias(of)) => std::slice::from_ref(of),
                _ => &[],
            },
            other => other.parts(),
        };
        next.iter().any(|part| self.mentions(part, name, depth + 1))
    }
}

/// The names of the types that a value contains by value; further keys of a record are behind a pointer.
fn held(kind: &Kind) -> Vec<&str> {
    let mut names = Vec::new();
    match kind {
        Kind::Record(record) => record.fields.iter().for_each(|field| held_in(&field.ty, &mut names)),
        other => other.types().into_iter().for_each(|of| held_in(of, &mut names)),
    }
    names
}

fn held_in<'a>(of: &'a Type, names: &mut Vec<&'a str>) {
    match of {
        Type::Named(name) => names.push(name),
        Type::Nullable(inner) => held_in(inner, names),
        Type::Tuple(parts) => parts.iter().for_each(|part| held_in(part, names)),
        _ => {}
    }
}
