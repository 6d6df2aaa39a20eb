//! The model of a client, independent of the language.

use serde_json::Value;

/// The content of one generated file.
pub(crate) struct Module {
    /// In the order of the names of their tasks.
    pub(crate) functions: Vec<Function>,
    /// The named types, in the order of their names.
    pub(crate) definitions: Vec<Definition>,
}

/// A function that publishes a task.
pub(crate) struct Function {
    /// The dotted name of the task, as jobs carry it.
    pub(crate) name: String,
    pub(crate) doc: String,
    /// The name of the type of its arguments, in languages that give them one.
    pub(crate) args_name: String,
    pub(crate) args: Record,
    pub(crate) result: Type,
    /// The options of the jobs when the publisher sets none.
    pub(crate) defaults: Defaults,
}

/// A task's default options for its jobs.
pub(crate) struct Defaults {
    pub(crate) timeout: Option<f64>,
    pub(crate) priority: Option<i32>,
    pub(crate) retries: Option<i32>,
}

/// A type that has a name.
#[derive(Debug)]
pub(crate) struct Definition {
    /// In PascalCase, unique, and not reserved in any language.
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) kind: Kind,
}

/// The kind of a definition.
#[derive(Debug)]
pub(crate) enum Kind {
    /// An object with known keys.
    Record(Record),
    /// One of a few strings.
    Choice(Vec<Choice>),
    /// A value of one of several types.
    Union(Vec<Type>),
    /// Another name of a type.
    Alias(Type),
}

/// One of a few strings.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) doc: String,
}

/// An object with known keys.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Required fields in the order of the schema, then the others by name.
    pub(crate) fields: Vec<Field>,
    /// The type of further keys, where the schema allows them and gives their type.
    pub(crate) rest: Option<Type>,
    /// Whether it is one variant of a union and the schema does not name it.
    pub(crate) is_variant: bool,
}

/// A key of an object, or an argument.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// The name in JSON.
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Any,
    /// Anything, as far as the generated types know; the text describes what the schema has there.
    Unsaid(String),
    Null,
    Boolean,
    /// With the schema's format, such as `uint32`.
    Integer(Option<String>),
    Number,
    Text,
    /// Exactly this string, integer or boolean.
    Constant(Value),
    List(Box<Type>),
    Tuple(Vec<Type>),
    Map(Box<Type>),
    Nullable(Box<Type>),
    Named(String),
}

impl Kind {
    /// The types that its definition names.
    pub(crate) fn types(&self) -> Vec<&Type> {
        match self {
            Kind::Record(record) => record.types().collect(),
            Kind::Union(types) => types.iter().collect(),
            Kind::Alias(of) => vec![of],
            Kind::Choice(_) => Vec::new(),
        }
    }
}

impl Type {
    /// Its name, if it is that of a definition.
    pub(crate) fn name(&self) -> Option<&str> {
        if let Type::Named(name) = self { Some(name) } else { None }
    }

    /// The text, if it is exactly one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Type::Constant(Value::String(text)) = self { Some(text) } else { None }
    }

    /// The types that it contains.
    pub(crate) fn parts(&self) -> &[Type] {
        match self {
            Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) => std::slice::from_ref(&**inner),
            Type::Tuple(parts) => parts,
            _ => &[],
        }
    }

    /// The part of its schema that the type does not express.
    pub(crate) fn unsaid(&self) -> Option<&str> {
        match self {
            Type::Unsaid(words) => Some(words),
            other => other.parts().iter().find_map(Type::unsaid),
        }
    }
}

impl Record {
    /// Whether it has no keys and allows none.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.rest.is_none()
    }

    /// The text that the required key always has, if it is always the same.
    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == key && field.required)?.ty.text()
    }

    /// The types of its values.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Type> {
        self.fields.iter().map(|field| &field.ty).chain(&self.rest)
    }
}

impl Field {
    /// Its documentation, with the default and what the type does not express.
    pub(crate) fn about(&self) -> String {
        let default = self.default.as_ref().map(|value| format!("Default: `{value}`."));
        let unsaid = self.ty.unsaid().map(|words| format!("Not expressed as a type: {words}."));
        let doc = Some(self.doc.clone()).filter(|doc| !doc.is_empty());
        [doc, default, unsaid].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }
}
