//! Writes definitions as Rust: structs, and enums that serde reads from the same JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::model::{Choice, Definition, Form, Module, Record, Type};
use super::names::{Names, pascal};
use super::rust::{doc, fields, structure};
use super::rust_type::{optional, tuple, ty};
use super::source::Source;

const DERIVES: &str = "#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]";

/// What the writer must know of all definitions to write one.
pub(crate) struct Shapes<'a> {
    definitions: BTreeMap<&'a str, &'a Definition>,
    /// Records that are written as variants of their enum.
    inside: BTreeSet<&'a str>,
}

/// How serde tells the variants of an enum apart.
enum Tag {
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
        for task in &module.tasks {
            names_in(&task.result, &mut used);
            task.args.types().for_each(|of| names_in(of, &mut used));
        }
        for definition in definitions {
            match &definition.form {
                Form::Union(types) if !matches!(shapes.tag(types), Tag::None) => {
                    shapes.inside.extend(types.iter().filter_map(name_of));
                }
                Form::Union(types) => types.iter().for_each(|of| names_in(of, &mut used)),
                Form::Record(record) => record.types().for_each(|of| names_in(of, &mut used)),
                Form::Alias(of) => names_in(of, &mut used),
                Form::Choice(_) => {}
            }
        }
        shapes.inside.retain(|name| !used.contains(name));
        shapes
    }

    /// The record of a type that was made for one variant and that the schema does not name.
    fn variant(&self, of: &Type) -> Option<&'a Record> {
        match &self.definitions.get(name_of(of)?)?.form {
            Form::Record(record) if record.is_variant => Some(record),
            _ => None,
        }
    }

    fn tag(&self, types: &[Type]) -> Tag {
        let external = |of: &Type| match (of, self.variant(of)) {
            (Type::Constant(Value::String(_)), _) => true,
            (_, Some(record)) => {
                matches!(record.fields.as_slice(), [one] if one.required && !is_constant(&one.ty))
            }
            _ => false,
        };
        if types.iter().all(external) {
            return Tag::External;
        }
        let records: Option<Vec<&Record>> = types.iter().map(|of| self.variant(of)).collect();
        let Some(records) = records.filter(|records| !records.is_empty()) else { return Tag::None };
        let tags = records[0].fields.iter().filter(|field| is_constant(&field.ty)).map(|field| &field.name);
        let is_in_all = |tag: &&String| {
            let values: Option<BTreeSet<String>> =
                records.iter().map(|record| value_of(record, tag)).collect();
            values.is_some_and(|values| values.len() == records.len())
        };
        let tag = tags.into_iter().find(is_in_all).cloned();
        tag.map_or(Tag::None, Tag::Internal)
    }

    /// The type of a field, boxed where it would otherwise contain the type `within` by value.
    fn boxed(&self, of: &Type, within: &str) -> String {
        match of {
            Type::Named(name) if self.holds(name, within, &mut BTreeSet::new()) => format!("Box<{name}>"),
            Type::Nullable(inner) => optional(&self.boxed(inner, within), inner),
            Type::Tuple(parts) => tuple(parts.iter().map(|part| self.boxed(part, within))),
            other => ty(other),
        }
    }

    /// Whether a value of `name` contains one of `sought`, not behind a pointer.
    fn holds<'b>(&'b self, name: &'b str, sought: &str, seen: &mut BTreeSet<&'b str>) -> bool {
        name == sought
            || seen.insert(name)
                && self.definitions.get(name).is_some_and(|definition| {
                    in_form(&definition.form).iter().any(|part| self.holds(part, sought, seen))
                })
    }
}

fn name_of(of: &Type) -> Option<&str> {
    if let Type::Named(name) = of { Some(name) } else { None }
}

fn names_in<'a>(of: &'a Type, found: &mut BTreeSet<&'a str>) {
    found.extend(name_of(of));
    of.parts().iter().for_each(|part| names_in(part, found));
}

fn is_constant(of: &Type) -> bool {
    matches!(of, Type::Constant(Value::String(_)))
}

fn value_of(record: &Record, tag: &str) -> Option<String> {
    let field = record.fields.iter().find(|field| field.name == tag && field.required)?;
    if let Type::Constant(Value::String(value)) = &field.ty { Some(value.clone()) } else { None }
}

/// The names of the types that a value contains by value.
fn in_form(form: &Form) -> Vec<&str> {
    fn within<'a>(of: &'a Type, found: &mut Vec<&'a str>) {
        match of {
            Type::Named(name) => found.push(name),
            Type::Nullable(inner) => within(inner, found),
            Type::Tuple(parts) => parts.iter().for_each(|part| within(part, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    match form {
        Form::Record(record) => record.fields.iter().for_each(|field| within(&field.ty, &mut found)),
        Form::Union(types) => types.iter().for_each(|of| within(of, &mut found)),
        Form::Alias(of) => within(of, &mut found),
        Form::Choice(_) => {}
    }
    found
}

pub(crate) fn define(source: &mut Source, definition: &Definition, shapes: &Shapes) {
    let Definition { name, doc: about, form } = definition;
    if shapes.inside.contains(name.as_str()) {
        return;
    }
    source.line("");
    doc(source, about);
    match form {
        Form::Record(record) => {
            source.line(DERIVES);
            structure(source, name, record, &|of| shapes.boxed(of, name));
        }
        Form::Choice(choices) => choice(source, name, choices),
        Form::Union(types) => union(source, name, types, shapes),
        Form::Alias(of) => source.line(format!("pub type {name} = {};", alias(of, name, shapes))),
    }
}

/// The target of an alias. `Value` if the type refers to itself, because that cannot be an alias.
fn alias(of: &Type, name: &str, shapes: &Shapes) -> String {
    fn mentions(of: &Type, name: &str, shapes: &Shapes, depth: usize) -> bool {
        let next = match of {
            Type::Named(other) if other == name || depth > 16 => return true,
            Type::Named(other) => {
                match shapes.definitions.get(other.as_str()).map(|definition| &definition.form) {
                    Some(Form::Alias(of)) => std::slice::from_ref(of),
                    _ => &[],
                }
            }
            other => other.parts(),
        };
        next.iter().any(|part| mentions(part, name, shapes, depth + 1))
    }
    if mentions(of, name, shapes, 0) { "Value".to_owned() } else { ty(of) }
}

fn choice(source: &mut Source, name: &str, choices: &[Choice]) {
    source.line(DERIVES.replace("PartialEq", "Copy, PartialEq, Eq"));
    let mut names = Names::without(&["Self"]);
    source.block(format!("pub enum {name} {{"), "}", |source| {
        for choice in choices {
            doc(source, &choice.doc);
            source.line(format!("#[serde(rename = {:?})]", choice.value));
            source.line(format!("{},", names.unique(&pascal(&choice.value), "")));
        }
    });
}

fn union(source: &mut Source, name: &str, types: &[Type], shapes: &Shapes) {
    let tag = shapes.tag(types);
    source.line(DERIVES);
    match &tag {
        Tag::External => {}
        Tag::Internal(tag) => source.line(format!("#[serde(tag = {tag:?})]")),
        Tag::None => source.line("#[serde(untagged)]"),
    }
    let mut names = Names::without(&["Self"]);
    source.block(format!("pub enum {name} {{"), "}", |source| {
        for of in types {
            match (&tag, shapes.variant(of)) {
                (Tag::External, record) => {
                    external(source, &mut names, of, record, &|of| shapes.boxed(of, name))
                }
                (Tag::Internal(tag), Some(record)) => {
                    doc(source, &shapes.about(of));
                    internal(source, &mut names, record, tag, &|of| shapes.boxed(of, name));
                }
                _ => {
                    source.line(format!("{}({}),", names.unique(&word(of, name), ""), shapes.boxed(of, name)))
                }
            }
        }
    });
}

/// Writes a variant that is its name alone, or an object with the name as its only key.
fn external(
    source: &mut Source,
    names: &mut Names,
    of: &Type,
    record: Option<&Record>,
    ty: &dyn Fn(&Type) -> String,
) {
    if let Type::Constant(Value::String(value)) = of {
        source.line(format!("#[serde(rename = {value:?})]"));
        source.line(format!("{},", names.unique(&pascal(value), "")));
    }
    for field in record.into_iter().flat_map(|record| &record.fields) {
        doc(source, &field.about());
        source.line(format!("#[serde(rename = {:?})]", field.name));
        source.line(format!("{}({}),", names.unique(&pascal(&field.name), ""), ty(&field.ty)));
    }
}

impl Shapes<'_> {
    fn about(&self, of: &Type) -> String {
        name_of(of)
            .and_then(|name| self.definitions.get(name))
            .map(|found| found.doc.clone())
            .unwrap_or_default()
    }
}

/// Writes a variant whose name is the value of the key `tag`.
fn internal(
    source: &mut Source,
    names: &mut Names,
    record: &Record,
    tag: &str,
    ty: &dyn Fn(&Type) -> String,
) {
    let value = value_of(record, tag).unwrap_or_default();
    let name = names.unique(&pascal(&value), "");
    source.line(format!("#[serde(rename = {value:?})]"));
    if record.fields.len() == 1 && record.rest.is_none() {
        return source.line(format!("{name},"));
    }
    source.block(format!("{name} {{"), "},", |source| {
        let without_tag = record.fields.iter().filter(|field| field.name != tag);
        let rest = record.rest.clone();
        let record = Record { fields: without_tag.cloned().collect(), rest, is_variant: true };
        fields(source, &record, "", ty);
    });
}

/// A name for a variant that the schema does not name.
fn word(of: &Type, within: &str) -> String {
    match of {
        Type::Named(name) => {
            name.strip_prefix(within).filter(|rest| !rest.is_empty()).map_or(name.clone(), pascal)
        }
        Type::Any | Type::Unsaid(_) => "Any".to_owned(),
        Type::Null => "Null".to_owned(),
        Type::Boolean => "Boolean".to_owned(),
        Type::Integer(_) => "Integer".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::Text => "Text".to_owned(),
        Type::Constant(value) => pascal(value.as_str().unwrap_or(&value.to_string())),
        Type::List(_) => "List".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
        Type::Map(_) => "Map".to_owned(),
        Type::Nullable(inner) => word(inner, within),
    }
}
