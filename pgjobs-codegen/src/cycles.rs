//! Definitions that refer to nothing but themselves, which no language accepts.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Definition, Kind, Type};

/// Turns each definition that leads back to itself through names alone into one that accepts anything.
pub(crate) fn break_cycles(definitions: &mut BTreeMap<String, Definition>) {
    let names: Vec<String> = definitions.keys().cloned().collect();
    for name in names {
        if leads_to(definitions, &name, &name, &mut BTreeSet::new())
            && let Some(definition) = definitions.get_mut(&name)
        {
            definition.kind = Kind::Alias(Type::Unsaid("the schema refers to itself alone".to_owned()));
        }
    }
}

fn leads_to<'a>(
    definitions: &'a BTreeMap<String, Definition>,
    from: &str,
    sought: &str,
    seen: &mut BTreeSet<&'a str>,
) -> bool {
    let types = match definitions.get(from).map(|definition| &definition.kind) {
        Some(Kind::Alias(of)) => std::slice::from_ref(of),
        Some(Kind::Union(types)) => types,
        _ => &[],
    };
    types
        .iter()
        .filter_map(other_name)
        .any(|next| next == sought || (seen.insert(next) && leads_to(definitions, next, sought, seen)))
}

fn other_name(of: &Type) -> Option<&str> {
    match of {
        Type::Named(name) => Some(name),
        Type::Nullable(inner) => other_name(inner),
        _ => None,
    }
}
