//! Turns JSON Schema into types. Types hold others, so these methods call each other; what they ask of a
//! schema is in `schema`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cycles::break_cycles;
use crate::model::{Definition, Field, Kind, Record, Type};
use crate::names::{Names, TYPES, pascal};
use crate::scalar::{literal, scalar, unsaid};
use crate::schema::object::{Object, is_object, list, values, without_null};
use crate::schema::parts::{self, Whole};
use crate::schema::refs::{closure, resolve};
use crate::schema::variants::{is_vast, texts, variant_word, variants};

/// Turns schemas into types and collects those with a name.
pub(crate) struct Lowering {
    pub(crate) names: Names,
    /// The names given so far, by the name in the schema and its content.
    known: BTreeMap<String, String>,
    definitions: BTreeMap<String, Definition>,
}

impl Lowering {
    pub(crate) fn new() -> Self {
        Lowering { names: Names::without(TYPES), known: BTreeMap::new(), definitions: BTreeMap::new() }
    }

    /// The named types, in the order of their names.
    pub(crate) fn finish(mut self) -> Vec<Definition> {
        break_cycles(&mut self.definitions);
        self.definitions.into_values().collect()
    }

    /// The type of a schema within the document `root`; `hint` is its name if it must have one and has none.
    pub(crate) fn ty(&mut self, root: &Value, schema: &Value, hint: &str) -> Type {
        let Some(object) = schema.as_object() else {
            return if schema == &json!(false) { unsaid("nothing fits") } else { Type::Any };
        };
        if let Some(inner) = without_null(object) {
            return match self.ty(root, &inner, hint) {
                any @ (Type::Any | Type::Null | Type::Nullable(_) | Type::Unsaid(_)) => any,
                inner => Type::Nullable(Box::new(inner)),
            };
        }
        if let Some(reference) = object.get("$ref").and_then(Value::as_str)
            && !is_object(object)
        {
            return self.reference(root, reference);
        }
        if needs_name(root, object) {
            self.named(root, schema, title(schema, hint))
        } else {
            self.plain(root, object, hint)
        }
    }

    /// A type that is written inline, where it is used.
    fn plain(&mut self, root: &Value, schema: &Object, hint: &str) -> Type {
        if let Some(constant) = schema.get("const") {
            return literal(constant);
        }
        if let [one] = list(schema, "enum") {
            return literal(one);
        }
        for several in ["allOf", "anyOf", "oneOf"] {
            if let [one] = list(schema, several) {
                return self.ty(root, one, hint);
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("array") => self.array(root, schema, hint),
            Some("object") => {
                let values = values(schema).map(|values| self.ty(root, values, &format!("{hint}Value")));
                Type::Map(Box::new(values.unwrap_or(Type::Any)))
            }
            _ => scalar(schema),
        }
    }

    fn array(&mut self, root: &Value, schema: &Object, hint: &str) -> Type {
        let hint = format!("{hint}Item");
        if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
            let numbered = parts.iter().zip(1..);
            return Type::Tuple(
                numbered.map(|(part, n)| self.ty(root, part, &format!("{hint}{n}"))).collect(),
            );
        }
        let item = schema.get("items").map_or(Type::Any, |items| self.ty(root, items, &hint));
        let bound = |name| schema.get(name).and_then(Value::as_u64);
        match (bound("minItems"), bound("maxItems")) {
            (Some(least @ 1..=8), Some(most)) if least == most => {
                Type::Tuple((0..least).map(|_| item.clone()).collect())
            }
            _ => Type::List(Box::new(item)),
        }
    }

    fn reference(&mut self, root: &Value, reference: &str) -> Type {
        match resolve(root, reference) {
            Some(target) => {
                let last = reference.rsplit('/').next().unwrap_or_default().trim_start_matches('#');
                let name = if last.is_empty() { title(target, "Root") } else { pascal(last) };
                self.named(root, target, name)
            }
            None => unsaid(format!("the schema refers to {reference}, which is not in it")),
        }
    }

    /// A named type; schemas with the same name and content share one.
    fn named(&mut self, root: &Value, schema: &Value, wanted: String) -> Type {
        let key = closure(root, schema, &wanted);
        if let Some(name) = self.known.get(&key) {
            return Type::Named(name.clone());
        }
        let name = self.names.unique(&wanted, "");
        self.known.insert(key, name.clone());
        let kind = self.kind(root, schema, &name);
        let definition = Definition { name: name.clone(), doc: description(schema), kind };
        self.definitions.insert(name.clone(), definition);
        Type::Named(name)
    }

    fn kind(&mut self, root: &Value, schema: &Value, name: &str) -> Kind {
        if is_vast(root, schema) {
            return Kind::Alias(unsaid("it may be one of too many things"));
        }
        let object = schema.as_object();
        let named = object.filter(|object| without_null(object).is_none() && needs_name(root, object));
        let Some(object) = named else { return Kind::Alias(self.ty(root, schema, name)) };
        let several = variants(root, object);
        if several.is_empty() {
            return Kind::Record(self.record(root, schema, name));
        }
        match several.iter().map(texts).collect::<Option<Vec<_>>>() {
            Some(choices) => Kind::Choice(choices.concat()),
            None => Kind::Union(self.union(root, &several, name)),
        }
    }

    fn union(&mut self, root: &Value, variants: &[Value], name: &str) -> Vec<Type> {
        let mut types = Vec::new();
        for (variant, n) in variants.iter().zip(1..) {
            if let Some(choices) = texts(variant).filter(|choices| choices.len() > 1) {
                types.extend(choices.into_iter().map(|choice| Type::Constant(choice.value.into())));
                continue;
            }
            let hint = format!("{name}{}", variant_word(variant).unwrap_or_else(|| n.to_string()));
            let ty = self.ty(root, variant, &hint);
            if variant.as_object().is_some_and(is_object) {
                self.mark_variant(&ty);
            }
            if !types.contains(&ty) {
                types.push(ty);
            }
        }
        types
    }

    /// Notes that a record was made for a variant, and not because the schema names it.
    fn mark_variant(&mut self, ty: &Type) {
        let definition = ty.name().and_then(|name| self.definitions.get_mut(name));
        if let Some(Definition { kind: Kind::Record(record), .. }) = definition {
            record.is_variant = true;
        }
    }

    /// The fields of an object, including those of its parts.
    pub(crate) fn record(&mut self, root: &Value, schema: &Value, name: &str) -> Record {
        let Whole { properties, required, rest } = parts::whole(root, schema);
        let place = |name: &str| required.iter().position(|needed| needed == name);
        let field = |(key, schema): (&String, &Value)| Field {
            name: key.clone(),
            doc: description(schema),
            ty: self.ty(root, schema, &field_hint(name, key)),
            required: place(key).is_some(),
            default: schema.get("default").filter(|value| !value.is_null()).cloned(),
        };
        let mut fields: Vec<Field> = properties.iter().map(field).collect();
        fields.sort_by_key(|field| place(&field.name).unwrap_or(usize::MAX));
        let rest = rest.map(|values| self.ty(root, &values, &format!("{name}Value")));
        Record { fields, rest, is_variant: false }
    }
}

/// Whether some language cannot write the schema without a name for it.
fn needs_name(root: &Value, schema: &Object) -> bool {
    is_object(schema) || variants(root, schema).len() > 1
}

fn title(schema: &Value, otherwise: &str) -> String {
    schema["title"].as_str().map_or_else(|| otherwise.to_owned(), pascal)
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// A name for the type of a field. A record that is already named after the key does not repeat it.
fn field_hint(record: &str, key: &str) -> String {
    let key = pascal(key);
    if record.ends_with(&key) { format!("{record}Content") } else { format!("{record}{key}") }
}
