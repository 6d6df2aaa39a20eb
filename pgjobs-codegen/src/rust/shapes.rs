//! How definitions are written as Rust: which records become variants of an enum, and how serde tells
//! variants apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Definition, Kind, Module, Record, Type};

/// What the writer must know of all definitions to write one.
pub(crate) struct Shapes<'a> {
    pub(crate) definitions: BTreeMap<&'a str, &'a Definition>,
    /// Records that are written as variants of their enum, and nowhere else.
    inside: BTreeSet<&'a str>,
}

/// How serde tells the variants of an enum apart.
pub(crate) enum Tag {
    External,
    Internal(String),
    None,
}

impl<'a> Shapes<'a> {
    pub(crate) fn of(module: &'a Module) -> Self {
        let definitions = &module.definitions;
        let by_name = definitions.iter().map(|definition| (definition.name.as_str(), definition)).collect();
        let mut shapes = Shapes { definitions: by_name, inside: BTreeSet::new() };
        let mut used = BTreeSet::new();
        for function in &module.functions {
            names_in(&function.result, &mut used);
            function.args.types().for_each(|of| names_in(of, &mut used));
        }
        for definition in definitions {
            match &definition.kind {
                Kind::Union(types) if !matches!(shapes.tag(types), Tag::None) => {
                    shapes.inside.extend(types.iter().filter_map(Type::name));
                }
                kind => kind.types().into_iter().for_each(|of| names_in(of, &mut used)),
            }
        }
        shapes.inside.retain(|name| !used.contains(name));
        shapes
    }

    /// Whether the definition is written as a variant of its enum, and so not by itself.
    pub(crate) fn is_inside(&self, name: &str) -> bool {
        self.inside.contains(name)
    }

    pub(crate) fn definition(&self, of: &Type) -> Option<&'a Definition> {
        self.definitions.get(of.name()?).copied()
    }

    /// The record of a type that was made for one variant and that the schema does not name.
    pub(crate) fn variant(&self, of: &Type) -> Option<&'a Record> {
        match &self.definition(of)?.kind {
            Kind::Record(record) if record.is_variant => Some(record),
            _ => None,
        }
    }

    pub(crate) fn tag(&self, types: &[Type]) -> Tag {
        if types.iter().all(|of| self.is_external(of)) {
            return Tag::External;
        }
        let records: Option<Vec<&Record>> = types.iter().map(|of| self.variant(of)).collect();
        match records.and_then(|records| internal_tag(&records)) {
            Some(tag) => Tag::Internal(tag),
            None => Tag::None,
        }
    }

    /// Whether it is a name alone, or an object with the name as its only key.
    fn is_external(&self, of: &Type) -> bool {
        let fields = self.variant(of).map(|record| record.fields.as_slice());
        let has_one_key = matches!(fields, Some([one]) if one.required && one.ty.text().is_none());
        of.text().is_some() || has_one_key
    }
}

/// The first key whose value is another text in each record.
fn internal_tag(records: &[&Record]) -> Option<String> {
    let is_in_all = |tag: &&str| {
        let values: Option<BTreeSet<&str>> = records.iter().map(|record| record.text_of(tag)).collect();
        values.is_some_and(|values| values.len() == records.len())
    };
    let texts = records.first()?.fields.iter().filter(|field| field.ty.text().is_some());
    texts.map(|field| field.name.as_str()).find(is_in_all).map(str::to_owned)
}

fn names_in<'a>(of: &'a Type, found: &mut BTreeSet<&'a str>) {
    found.extend(of.name());
    of.parts().iter().for_each(|part| names_in(part, found));
}
