//! Writes TypeScript, with postgres.js.

use serde_json::Value;

use crate::model::{Choice, Defaults, Definition, Field, Function, Kind, Module, Record, Type};
use crate::names::{Names, camel, is_plain};
use crate::source::{Source, lines};

const RUNTIME: &str = include_str!("runtime/client.ts");

/// Names that a function may not have: reserved words, and names that the file itself uses.
const TAKEN: &[&str] = &[
    "any",
    "arguments",
    "async",
    "await",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "publish",
    "publishWorkflow",
    "return",
    "setTimeout",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "unknown",
    "var",
    "void",
    "waitAll",
    "while",
    "with",
    "yield",
];

pub(crate) fn write(module: &Module, header: &str) -> String {
    let mut source = Source::default();
    source.line(format!("// {header}"));
    source.raw(RUNTIME);
    for definition in &module.definitions {
        source.line("");
        define(&mut source, definition);
    }
    let mut names = Names::without(TAKEN);
    for task in &module.functions {
        source.line("");
        record(&mut source, &task.args_name, &format!("The arguments of `{}`.", task.name), &task.args);
        source.line("");
        function(&mut source, task, &names.unique(&camel(&task.name), ""));
    }
    source.finish()
}

fn define(source: &mut Source, definition: &Definition) {
    let Definition { name, doc, kind } = definition;
    match kind {
        Kind::Record(fields) => record(source, name, doc, fields),
        Kind::Choice(choices) => choice(source, name, doc, choices),
        Kind::Union(types) => {
            comment(source, doc);
            source.line(format!(
                "export type {name} = {};",
                types.iter().map(ty).collect::<Vec<_>>().join(" | ")
            ));
        }
        Kind::Alias(of) => {
            comment(source, doc);
            source.line(format!("export type {name} = {};", ty(of)));
        }
    }
}

/// Writes a type and not an interface, so that it is assignable to an object with any keys.
fn record(source: &mut Source, name: &str, doc: &str, record: &Record) {
    comment(source, doc);
    if record.is_empty() {
        source.line(format!("export type {name} = {{ [key: string]: never }};"));
        return;
    }
    let close = match &record.rest {
        // Joined by `&` and not inside: inside, the known keys would have to be of this type as well.
        Some(rest) => format!(
            "}} & {{ [key: string]: {} }};",
            if record.fields.is_empty() { ty(rest) } else { "unknown".to_owned() }
        ),
        None => "};".to_owned(),
    };
    source.block(format!("export type {name} = {{"), &close, |source| {
        for field in &record.fields {
            comment(source, &field.about());
            source.line(member(field));
        }
    });
}

fn member(field: &Field) -> String {
    let key = if is_plain(&field.name) { field.name.clone() } else { quoted(&field.name) };
    format!("{key}{}: {};", if field.required { "" } else { "?" }, ty(&field.ty))
}

fn choice(source: &mut Source, name: &str, doc: &str, choices: &[Choice]) {
    let said = choices.iter().filter(|choice| !choice.doc.is_empty());
    let said = said.map(|choice| format!("- {}: {}", quoted(&choice.value), choice.doc.replace('\n', " ")));
    let about: Vec<String> = std::iter::once(doc.to_owned()).chain(said).collect();
    comment(source, &about.join("\n"));
    let values: Vec<String> = choices.iter().map(|choice| quoted(&choice.value)).collect();
    source.line(format!("export type {name} = {};", values.join(" | ")));
}

fn function(source: &mut Source, task: &Function, name: &str) {
    let doc = if task.doc.is_empty() { format!("Publishes {}.", task.name) } else { task.doc.clone() };
    comment(source, &doc);
    let default = if task.args.fields.iter().any(|field| field.required) { "" } else { " = {}" };
    let result = ty(&task.result);
    source.block(format!("export function {name}("), "", |source| {
        source.line("sql: Connection,");
        source.line(format!("args: {}{default},", task.args_name));
        source.line("options: Options = {},");
    });
    source.block(format!("): Promise<Job<{result}>> {{"), "}", |source| {
        let defaults = defaults(&task.defaults);
        source.line(format!(
            "return publish<{result}>(sql, {}, args, options, {defaults});",
            quoted(&task.name)
        ));
    });
}

fn defaults(defaults: &Defaults) -> String {
    let timeout = defaults.timeout.map(|seconds| format!("timeout: {seconds}"));
    let priority = defaults.priority.map(|priority| format!("priority: {priority}"));
    let retries = defaults.retries.map(|retries| format!("maxRetries: {retries}"));
    let said: Vec<String> = [timeout, priority, retries].into_iter().flatten().collect();
    if said.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", said.join(", ")) }
}

fn ty(of: &Type) -> String {
    match of {
        Type::Any | Type::Unsaid(_) => "unknown".to_owned(),
        Type::Null => "null".to_owned(),
        Type::Boolean => "boolean".to_owned(),
        Type::Integer(_) | Type::Number => "number".to_owned(),
        Type::Text => "string".to_owned(),
        Type::Constant(value) => crate::text::json(&value.to_string()),
        Type::List(item) => format!("Array<{}>", ty(item)),
        Type::Tuple(parts) => format!("[{}]", parts.iter().map(ty).collect::<Vec<_>>().join(", ")),
        Type::Map(values) => format!("{{ [key: string]: {} }}", ty(values)),
        Type::Nullable(inner) => format!("{} | null", ty(inner)),
        Type::Named(name) => name.clone(),
    }
}

/// A string literal: JSON's string literals are valid in JavaScript.
fn quoted(text: &str) -> String {
    crate::text::json(&Value::from(text).to_string())
}

fn comment(source: &mut Source, doc: &str) {
    let lines: Vec<String> = lines(doc).iter().map(|line| line.replace("*/", "*\\/")).collect();
    match lines.as_slice() {
        [] => {}
        [one] => source.line(format!("/** {one} */")),
        several => {
            source.line("/**");
            several.iter().for_each(|line| source.line(format!(" * {line}").trim_end()));
            source.line(" */");
        }
    }
}
