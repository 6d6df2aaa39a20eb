//! Turns JSON Schema into types.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::cycles::break_cycles;
use super::model::{Choice, Definition, Form, Record, Type};
use super::names::{Names, TYPES, pascal};
use super::refs::{closure, resolve};
use super::schema::{is_object, values, without_null};
use super::variants::{is_vast, variant_word, variants};

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
    fn plain(&mut self, root: &Value, schema: &Map<String, Value>, hint: &str) -> Type {
        if let Some(constant) = schema.get("const") {
            return literal(constant);
        }
        if let Some([one]) = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
            return literal(one);
        }
        for several in ["allOf", "anyOf", "oneOf"] {
            if let Some([one]) = schema.get(several).and_then(Value::as_array).map(Vec::as_slice) {
                return self.ty(root, one, hint);
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("null") => Type::Null,
            Some("boolean") => Type::Boolean,
            Some("integer") => Type::Integer(schema.get("format").and_then(Value::as_str).map(str::to_owned)),
            Some("number") => Type::Number,
            Some("string") => Type::Text,
            Some("array") => self.array(root, schema, hint),
            Some("object") => match values(schema) {
                Some(values) => Type::Map(Box::new(self.ty(root, values, &format!("{hint}Value")))),
                None => Type::Map(Box::new(Type::Any)),
            },
            _ => anything(schema),
        }
    }

    fn array(&mut self, root: &Value, schema: &Map<String, Value>, hint: &str) -> Type {
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
        let form = self.form(root, schema, &name);
        let doc = schema["description"].as_str().unwrap_or_default().to_owned();
        self.definitions.insert(name.clone(), Definition { name: name.clone(), doc, form });
        Type::Named(name)
    }

    fn form(&mut self, root: &Value, schema: &Value, name: &str) -> Form {
        let Some(object) = schema.as_object() else { return Form::Alias(self.ty(root, schema, name)) };
        if is_vast(root, schema) {
            return Form::Alias(unsaid("it may be one of too many things"));
        }
        let several = variants(root, object);
        if without_null(object).is_some() || !needs_name(root, object) {
            return Form::Alias(self.ty(root, schema, name));
        }
        if let Some(choices) = several.iter().map(choices).collect::<Option<Vec<_>>>()
            && !several.is_empty()
        {
            return Form::Choice(choices.into_iter().flatten().collect());
        }
        if several.is_empty() {
            return Form::Record(self.record(root, schema, name));
        }
        Form::Union(self.union(root, &several, name))
    }

    fn union(&mut self, root: &Value, variants: &[Value], name: &str) -> Vec<Type> {
        let mut types = Vec::new();
        for (variant, n) in variants.iter().zip(1..) {
            let hint = format!("{name}{}", variant_word(variant).unwrap_or_else(|| n.to_string()));
            let ty = match choices(variant) {
                Some(choices) if choices.len() > 1 => {
                    types.extend(choices.into_iter().map(|choice| Type::Constant(choice.value.into())));
                    continue;
                }
                _ => self.ty(root, variant, &hint),
            };
            if let Type::Named(made) = &ty
                && variant.as_object().is_some_and(is_object)
                && let Some(Definition { form: Form::Record(Record { is_variant, .. }), .. }) =
                    self.definitions.get_mut(made)
            {
                *is_variant = true;
            }
            if !types.contains(&ty) {
                types.push(ty);
            }
        }
        types
    }
}

/// Whether some language cannot write the schema without a name for it.
fn needs_name(root: &Value, schema: &Map<String, Value>) -> bool {
    is_object(schema) || variants(root, schema).len() > 1
}

fn title(schema: &Value, otherwise: &str) -> String {
    schema["title"].as_str().map_or_else(|| otherwise.to_owned(), pascal)
}

/// The strings that a schema allows, if it allows nothing else.
fn choices(schema: &Value) -> Option<Vec<Choice>> {
    let doc = schema["description"].as_str().unwrap_or_default();
    let one = |value: &Value| Some(Choice { value: value.as_str()?.to_owned(), doc: doc.to_owned() });
    match (schema.get("const"), schema.get("enum").and_then(Value::as_array)) {
        (Some(constant), _) => Some(vec![one(constant)?]),
        (None, Some(values)) => values.iter().map(one).collect(),
        (None, None) => None,
    }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::String(_) | Value::Bool(_) => Type::Constant(value.clone()),
        Value::Number(number) if !number.is_f64() => Type::Constant(value.clone()),
        other => unsaid(format!("always {other}")),
    }
}

fn unsaid(words: impl Into<String>) -> Type {
    Type::Unsaid(words.into())
}

/// A schema without a type: `Any`, unless it has keywords that the generated types do not express.
fn anything(schema: &Map<String, Value>) -> Type {
    const SILENT: [&str; 9] = [
        "$schema",
        "$defs",
        "$comment",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "format",
    ];
    let said: Vec<&str> = schema.keys().map(String::as_str).filter(|key| !SILENT.contains(key)).collect();
    if said.is_empty() { Type::Any } else { unsaid(format!("`{}` of its schema", said.join("`, `"))) }
}
