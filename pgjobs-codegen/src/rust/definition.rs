//! Writes definitions as Rust: structs, and enums that serde reads from the same JSON.

use super::fields::{doc, fields, structure};
use super::shapes::{Shapes, Tag};
use crate::model::{Choice, Definition, Kind, Record, Type};
use crate::names::{Names, pascal};
use crate::source::Source;

const DERIVES: &str = "#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]";

pub(crate) fn define(source: &mut Source, definition: &Definition, shapes: &Shapes) {
    let Definition { name, doc: about, kind } = definition;
    if shapes.is_inside(name) {
        return;
    }
    source.line("");
    doc(source, about);
    match kind {
        Kind::Record(record) => {
            source.line(DERIVES);
            structure(source, name, record, &|of| shapes.boxed(of, name));
        }
        Kind::Choice(choices) => choice(source, name, choices),
        Kind::Union(types) => union(source, name, types, shapes),
        Kind::Alias(of) => source.line(format!("pub type {name} = {};", shapes.alias(of, name))),
    }
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
                    doc(source, shapes.definition(of).map_or("", |definition| &definition.doc));
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
    if let Some(value) = of.text() {
        source.line(format!("#[serde(rename = {value:?})]"));
        source.line(format!("{},", names.unique(&pascal(value), "")));
    }
    for field in record.into_iter().flat_map(|record| &record.fields) {
        doc(source, &field.about());
        source.line(format!("#[serde(rename = {:?})]", field.name));
        source.line(format!("{}({}),", names.unique(&pascal(&field.name), ""), ty(&field.ty)));
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
    let value = record.text_of(tag).unwrap_or_default();
    let name = names.unique(&pascal(value), "");
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
