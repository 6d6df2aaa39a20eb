//! Writes the file: a struct of arguments and a function for each task.

use super::definition::define;
use super::fields::{RESERVED, doc, identifier, structure};
use super::shapes::Shapes;
use super::types::ty;
use crate::model::{Defaults, Function, Module};
use crate::names::{Names, snake};
use crate::source::Source;

const RUNTIME: &str = include_str!("../runtime/client.rs");

pub(crate) fn write(module: &Module, header: &str) -> String {
    let mut source = Source::default();
    source.line(format!("// {header}"));
    source.raw(RUNTIME);
    let shapes = Shapes::of(module);
    for definition in &module.definitions {
        define(&mut source, definition, &shapes);
    }
    let mut names = Names::without(&["publish"]);
    for task in &module.functions {
        arguments(&mut source, task);
        function(&mut source, task, &names.unique(&snake(&task.name), "_"));
    }
    source.finish()
}

fn arguments(source: &mut Source, task: &Function) {
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
fn constructor(source: &mut Source, task: &Function) {
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

fn function(source: &mut Source, task: &Function, name: &str) {
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
