//! Writes Rust, with sqlx.

use super::model::{Defaults, Module, Record, Task, Type};
use super::names::{Names, is_plain, snake};
use super::rust_definition::{Shapes, define};
use super::rust_type::{optional, ty};
use super::source::{Source, lines};

const RUNTIME: &str = include_str!("runtime/client.rs");

/// Reserved words that `r#` turns into identifiers, and (`UNUSABLE`) those for which it does not.
const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
const UNUSABLE: &[&str] = &["crate", "self", "super", "_"];

pub(crate) fn write(module: &Module, header: &str) -> String {
    let mut source = Source::default();
    source.line(format!("// {header}"));
    source.raw(RUNTIME);
    let shapes = Shapes::of(module);
    for definition in &module.definitions {
        define(&mut source, definition, &shapes);
    }
    let mut names = Names::without(&["publish"]);
    for task in &module.tasks {
        arguments(&mut source, task);
        function(&mut source, task, &names.unique(&snake(&task.name), "_"));
    }
    source.finish()
}

/// An identifier, and whether the JSON name differs from it.
pub(crate) fn identifier(names: &mut Names, name: &str) -> (String, bool) {
    let wanted =
        if is_plain(name) && name == name.to_ascii_lowercase() { name.to_owned() } else { snake(name) };
    let wanted = if UNUSABLE.contains(&wanted.as_str()) { wanted + "_" } else { wanted };
    let unique = names.unique(&wanted, "_");
    let renamed = unique != name;
    (if RESERVED.contains(&unique.as_str()) { format!("r#{unique}") } else { unique }, renamed)
}

pub(crate) fn structure(source: &mut Source, name: &str, record: &Record, ty: &dyn Fn(&Type) -> String) {
    if record.is_empty() {
        return source.line(format!("pub struct {name} {{}}"));
    }
    source.block(format!("pub struct {name} {{"), "}", |source| fields(source, record, "pub ", ty));
}

/// Writes the fields of a struct or of a variant.
pub(crate) fn fields(source: &mut Source, record: &Record, public: &str, ty: &dyn Fn(&Type) -> String) {
    let mut names = Names::default();
    for field in &record.fields {
        doc(source, &field.about());
        if let Type::Constant(value) = &field.ty {
            doc(source, &format!("Always `{value}`."));
        }
        let (name, renamed) = identifier(&mut names, &field.name);
        if renamed {
            source.line(format!("#[serde(rename = {:?})]", field.name));
        }
        if field.required {
            source.line(format!("{public}{name}: {},", ty(&field.ty)));
        } else {
            source.line("#[serde(default, skip_serializing_if = \"Option::is_none\")]");
            source.line(format!("{public}{name}: {},", optional(&ty(&field.ty), &field.ty)));
        }
    }
    if let Some(rest) = &record.rest {
        doc(source, "Further keys.");
        source.line("#[serde(flatten)]");
        source.line(format!("{public}{}: BTreeMap<String, {}>,", names.unique("further", "_"), ty(rest)));
    }
}

fn arguments(source: &mut Source, task: &Task) {
    source.line("");
    doc(source, &format!("The arguments of `{}`.", task.name));
    let needs_none = task.args.fields.iter().all(|field| !field.required);
    let default = if needs_none { ", Default" } else { "" };
    source.line(format!("#[derive(Debug, Clone, PartialEq, Serialize, Deserialize{default})]"));
    structure(source, &task.args_name, &task.args, &ty);
    source.line("");
    source.block(format!("impl {} {{", task.args_name), "}", |source| constructor(source, task));
}

/// Writes a constructor that takes the required fields and leaves the others out.
fn constructor(source: &mut Source, task: &Task) {
    let mut names = Names::default();
    let mut required = Vec::new();
    let mut values = Vec::new();
    for field in &task.args.fields {
        let (name, _) = identifier(&mut names, &field.name);
        if field.required {
            required.push(format!("{name}: {}", ty(&field.ty)));
            values.push(name);
        } else {
            values.push(format!("{name}: None"));
        }
    }
    if task.args.rest.is_some() {
        values.push(format!("{}: BTreeMap::new()", names.unique("further", "_")));
    }
    source.line("/// Of what is required; the rest is left out.");
    source.block(format!("pub fn new({}) -> Self {{", required.join(", ")), "}", |source| {
        match values.is_empty() {
            true => source.line("Self {}"),
            false => source.line(format!("Self {{ {} }}", values.join(", "))),
        }
    });
}

fn function(source: &mut Source, task: &Task, name: &str) {
    source.line("");
    doc(source, if task.doc.is_empty() { "Publishes a job of this task." } else { &task.doc });
    let name = if RESERVED.contains(&name) { format!("r#{name}") } else { name.to_owned() };
    source.block(format!("pub async fn {name}("), "", |source| {
        source.line("executor: impl PgExecutor<'_>,");
        source.line(format!("args: &{},", task.args_name));
        source.line("options: &Options,");
    });
    let result = ty(&task.result);
    source.block(format!(") -> Result<Job<{result}>, sqlx::Error> {{"), "}", |source| {
        let defaults = defaults(&task.defaults);
        source.line(format!("publish(executor, {:?}, args, options, {defaults}).await", task.name));
    });
}

fn defaults(defaults: &Defaults) -> String {
    let Defaults { timeout, priority, retries } = defaults;
    format!("({timeout:?}, {priority:?}, {retries:?})")
}

/// Writes documentation. Its code blocks become plain text, so that nothing compiles them.
pub(crate) fn doc(source: &mut Source, doc: &str) {
    let mut in_code = false;
    for line in lines(doc) {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        let opens = fence && !in_code;
        in_code ^= fence;
        // Four leading spaces would begin a code block as well.
        let line = if in_code { line.as_str() } else { line.trim_start() };
        let line = if opens {
            "```text"
        } else if fence {
            "```"
        } else {
            line
        };
        source.line(format!("/// {line}").trim_end());
    }
    if in_code {
        source.line("/// ```");
    }
}
