//! Which tasks there are.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::cli::console::Console;
use crate::cli::exit::Failure;
use crate::cli::table::table;
use crate::cli::words;
use crate::inspect::{self, TaskRow};
use crate::options::{Check, Keep};

pub(super) async fn show(pool: &PgPool, console: &Console) -> Result<(), Failure> {
    let tasks = inspect::tasks(pool).await?;
    console.data(&json!({ "tasks": tasks }), || list(&tasks))
}

fn list(tasks: &[TaskRow]) -> String {
    if tasks.is_empty() {
        return "no tasks: a worker declares its tasks when it starts".to_owned();
    }
    table(["Task", ">Workers", "Keeps", "Checks", "Arguments", "About"], tasks.iter().map(row))
}

fn row(task: &TaskRow) -> [String; 6] {
    let about = match (task.declared, task.aliases.as_slice()) {
        (false, _) => "has jobs, but no worker ever declared it".to_owned(),
        (true, []) => words::first_line(&task.doc, 60),
        (true, aliases) => format!("{} (also {})", words::first_line(&task.doc, 60), aliases.join(", ")),
    };
    let arguments = task.args_schema.as_ref().map(arguments).unwrap_or_default();
    let keeps = task.keep.map_or("-", Keep::as_str).to_owned();
    let checks = task.check.map_or("-", Check::as_str).to_owned();
    [task.name.clone(), task.workers.to_string(), keeps, checks, arguments, about.trim().to_owned()]
}

/// `user_id, [locale]` out of a JSON Schema; those in brackets may be left out.
fn arguments(schema: &Value) -> String {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
    let shown = names.map(|name| match required.iter().any(|needed| needed == name.as_str()) {
        true => name.clone(),
        false => format!("[{name}]"),
    });
    shown.collect::<Vec<String>>().join(", ")
}
