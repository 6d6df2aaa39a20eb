//! Writes Python 3.11 and newer, with asyncpg.

use serde_json::Value;

use crate::model::{Choice, Defaults, Definition, Field, Function, Kind, Module, Record, Type};
use crate::names::{Names, is_plain, snake};
use crate::source::{Source, lines};
use crate::text::is_shown;

const RUNTIME: &str = include_str!("runtime/client.py");

const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names that a function may not have, because the file uses them.
const TAKEN: &[&str] = &[
    "annotations",
    "asyncio",
    "bool",
    "cast",
    "dataclass",
    "datetime",
    "dict",
    "float",
    "int",
    "json",
    "list",
    "max",
    "min",
    "object",
    "publish_workflow",
    "str",
    "super",
    "time",
    "tuple",
    "wait_all",
];

/// Names that an argument may not have.
const OURS: &[&str] = &["connection", "options", "Options", "_publish"];

pub(crate) fn write(module: &Module, header: &str) -> String {
    let mut source = Source::default();
    source.line(format!("# {header}"));
    source.raw(RUNTIME);
    for definition in &module.definitions {
        source.raw("\n\n");
        define(&mut source, definition);
    }
    let mut names = Names::without(&[KEYWORDS, TAKEN].concat());
    for task in &module.functions {
        source.raw("\n\n");
        let name = snake(&task.name);
        let is_taken = KEYWORDS.contains(&name.as_str()) || TAKEN.contains(&name.as_str());
        function(&mut source, task, &names.unique(&if is_taken { name + "_" } else { name }, "_"));
    }
    source.finish()
}

fn define(source: &mut Source, definition: &Definition) {
    let Definition { name, doc, kind } = definition;
    match kind {
        Kind::Record(record) if record.fields.iter().all(|field| can_be_attribute(&field.name)) => {
            source.block(format!("class {name}(TypedDict):"), "", |source| members(source, doc, record));
        }
        Kind::Record(record) => {
            comment(source, doc);
            source.block(format!("{name} = TypedDict("), ")", |source| keys(source, name, record));
        }
        Kind::Choice(choices) => choice(source, name, doc, choices),
        Kind::Union(types) => {
            comment(source, doc);
            let types: Vec<String> = types.iter().map(ty).collect();
            source.line(format!("{name}: TypeAlias = {}", quoted(&types.join(" | "))));
        }
        Kind::Alias(of) => {
            comment(source, doc);
            source.line(format!("{name}: TypeAlias = {}", quoted(&ty(of))));
        }
    }
}

fn can_be_attribute(name: &str) -> bool {
    // A member with the name of a type hides that type from the members after it.
    let hides = TAKEN.contains(&name) || name.starts_with(|c: char| c.is_ascii_uppercase());
    is_plain(name) && !name.starts_with("__") && !KEYWORDS.contains(&name) && !hides
}

fn members(source: &mut Source, doc: &str, record: &Record) {
    docstring(source, &lines(doc));
    if !doc.trim().is_empty() && !record.fields.is_empty() {
        source.line("");
    }
    for field in &record.fields {
        comment(source, &field.about());
        source.line(format!("{}: {}", field.name, member(field)));
    }
    if record.rest.is_some() {
        comment(source, "Further keys are let through.");
    }
    if record.fields.is_empty() && doc.trim().is_empty() {
        source.line("pass");
    }
}

/// Writes a record with keys that cannot be attributes.
fn keys(source: &mut Source, name: &str, record: &Record) {
    source.line(format!("{},", quoted(name)));
    source.block("{", "},", |source| {
        for field in &record.fields {
            comment(source, &field.about());
            source.line(format!("{}: {},", quoted(&field.name), quoted(&member(field))));
        }
    });
}

fn member(field: &Field) -> String {
    if field.required { ty(&field.ty) } else { format!("NotRequired[{}]", ty(&field.ty)) }
}

fn choice(source: &mut Source, name: &str, doc: &str, choices: &[Choice]) {
    comment(source, doc);
    for choice in choices.iter().filter(|choice| !choice.doc.is_empty()) {
        comment(source, &format!("{}: {}", quoted(&choice.value), choice.doc));
    }
    let values: Vec<String> = choices.iter().map(|choice| quoted(&choice.value)).collect();
    source.line(format!("{name}: TypeAlias = Literal[{}]", values.join(", ")));
}

/// An argument: its name in Python, and its field.
type Parameter<'a> = (String, &'a Field);

fn function(source: &mut Source, task: &Function, name: &str) {
    let mut names = Names::without(OURS);
    let rest = task.args.rest.as_ref().map(|rest| (names.unique("kwargs", "_"), rest));
    let parameters: Vec<Parameter> =
        task.args.fields.iter().map(|field| (parameter(&mut names, &field.name), field)).collect();
    source.block(format!("async def {name}("), "", |source| {
        source.line("connection: Connection,");
        source.line("/,");
        source.line("*,");
        for (name, field) in &parameters {
            source.line(argument(name, field));
        }
        source.line("options: Options = Options(),");
        if let Some((name, rest)) = &rest {
            source.line(format!("**{name}: {},", ty(rest)));
        }
    });
    source.block(format!(") -> Job[{}]:", ty(&task.result)), "", |source| {
        docstring(source, &about(task, &parameters));
        call(source, task, &parameters, rest.as_ref().map(|(name, _)| name.as_str()));
    });
}

fn call(source: &mut Source, task: &Function, parameters: &[Parameter], further: Option<&str>) {
    let (required, optional): (Vec<_>, Vec<_>) = parameters.iter().partition(|(_, field)| field.required);
    source.block("return await _publish(", ")", |source| {
        source.line("connection,");
        source.line(format!("{},", quoted(&task.name)));
        dict(source, &required, further);
        dict(source, &optional, None);
        source.line("options,");
        source.line(format!("Options({}),", defaults(&task.defaults)));
    });
}

fn parameter(names: &mut Names, name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let plain = if is_plain(&plain) { plain } else { format!("n_{plain}") };
    let is_taken = KEYWORDS.contains(&plain.as_str()) || OURS.contains(&plain.as_str());
    names.unique(&if is_taken { plain + "_" } else { plain }, "_")
}

/// An optional argument defaults to `None`, which leaves it out.
fn argument(name: &str, field: &Field) -> String {
    match (field.required, &field.ty) {
        (true, of) => format!("{name}: {},", ty(of)),
        (false, of @ (Type::Nullable(_) | Type::Null)) => format!("{name}: {} = None,", ty(of)),
        (false, of) => format!("{name}: {} | None = None,", ty(of)),
    }
}

fn about(task: &Function, parameters: &[Parameter]) -> Vec<String> {
    let mut about = lines(&task.doc);
    let said = parameters.iter().filter(|(_, field)| !field.about().is_empty());
    let said: Vec<String> =
        said.map(|(name, field)| format!("{name}: {}", field.about().replace('\n', " "))).collect();
    if !about.is_empty() && !said.is_empty() {
        about.push(String::new());
    }
    about.extend(said.iter().flat_map(|line| lines(line)));
    if about.is_empty() {
        about = lines(&format!("Publishes {}.", task.name));
    }
    about
}

/// Writes arguments as a dict: a few on one line, many one per line.
fn dict(source: &mut Source, parameters: &[&Parameter], further: Option<&str>) {
    let entries: Vec<String> =
        parameters.iter().map(|(name, field)| format!("{}: {name}", quoted(&field.name))).collect();
    let further = further.map(|name| format!(" | {name}")).unwrap_or_default();
    if entries.len() < 4 {
        return source.line(format!("{{{}}}{further},", entries.join(", ")));
    }
    source.block("{", &format!("}}{further},"), |source| {
        entries.iter().for_each(|entry| source.line(format!("{entry},")));
    });
}

fn defaults(defaults: &Defaults) -> String {
    let timeout = defaults.timeout.map(|seconds| format!("timeout={seconds:?}"));
    let priority = defaults.priority.map(|priority| format!("priority={priority}"));
    let retries = defaults.retries.map(|retries| format!("max_retries={retries}"));
    [timeout, priority, retries].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn ty(of: &Type) -> String {
    match of {
        Type::Any | Type::Unsaid(_) => "Any".to_owned(),
        Type::Null => "None".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Integer(_) => "int".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Text => "str".to_owned(),
        Type::Constant(Value::Bool(true)) => "Literal[True]".to_owned(),
        Type::Constant(Value::Bool(false)) => "Literal[False]".to_owned(),
        Type::Constant(Value::String(text)) => format!("Literal[{}]", quoted(text)),
        Type::Constant(value) => format!("Literal[{value}]"),
        Type::List(item) => format!("list[{}]", ty(item)),
        Type::Tuple(parts) if parts.is_empty() => "tuple[()]".to_owned(),
        Type::Tuple(parts) => format!("tuple[{}]", parts.iter().map(ty).collect::<Vec<_>>().join(", ")),
        Type::Map(values) => format!("dict[str, {}]", ty(values)),
        Type::Nullable(inner) => format!("{} | None", ty(inner)),
        Type::Named(name) => name.clone(),
    }
}

/// A string literal: JSON's escapes are valid in Python, except for characters beyond 16 bits.
fn quoted(text: &str) -> String {
    let mut literal = String::new();
    for c in Value::from(text).to_string().chars() {
        match u32::from(c) {
            _ if is_shown(c) => literal.push(c),
            code @ ..=0xffff => literal.push_str(&format!("\\u{code:04x}")),
            code => literal.push_str(&format!("\\U{code:08x}")),
        }
    }
    literal
}

fn comment(source: &mut Source, doc: &str) {
    lines(doc).iter().for_each(|line| source.line(format!("# {line}").trim_end()));
}

fn docstring(source: &mut Source, doc: &[String]) {
    let safe: Vec<String> =
        doc.iter().map(|line| line.replace('\\', "\\\\").replace("\"\"\"", "\\\"\\\"\\\"")).collect();
    match safe.as_slice() {
        [] => {}
        // A quote at its end would merge with the closing quotes.
        [one] if !one.ends_with('"') => source.line(format!("\"\"\"{one}\"\"\"")),
        [first, others @ ..] => {
            source.line(format!("\"\"\"{first}"));
            others.iter().for_each(|line| source.line(line));
            source.line("\"\"\"");
        }
    }
}
