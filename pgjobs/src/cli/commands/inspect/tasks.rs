//! `inspect tasks`: lists tasks.

use serde::{Deserialize, Serialize};

use crate::cli::database::readers::{Of, Readers};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::cli::output::table::table_of;
use crate::inspect::{self, TaskRow};
use crate::types::options::{Keep, Validation};

pub(crate) async fn show(readers: &Readers, console: &Console) -> Result<(), Failure> {
    let json = console.json;
    let tasks = readers.list(async |pool| match json {
        true => Ok(inspect::tasks(pool).await?),
        false => Ok(inspect::signatures(pool).await?),
    });
    let tasks = tasks.await?;
    tasks.away.print(console, &Tasks { tasks: &tasks.all }, || list(&tasks.all))
}

/// Serialized directly and not through a JSON value: a schema may hold JSON that a JSON library cannot parse.
#[derive(Serialize)]
struct Tasks<'a> {
    tasks: &'a [Of<TaskRow>],
}

fn list(tasks: &[Of<TaskRow>]) -> Vec<String> {
    if tasks.is_empty() {
        return vec!["no tasks: a worker declares its tasks when it starts".to_owned()];
    }
    table_of(
        ["Task", ">Workers", "Keeps", "Checks", "Unique by", "SLO", "Arguments", "About"],
        tasks.iter().map(|task| task.cells(row)),
    )
}

fn row(task: &TaskRow) -> [String; 8] {
    let about = match (task.declared, task.aliases.as_slice()) {
        (false, _) => "has jobs, but no worker ever declared it".to_owned(),
        (true, []) => format::first_line(&task.doc, 60),
        (true, aliases) => format!("{} (also {})", format::first_line(&task.doc, 60), aliases.join(", ")),
    };
    let about = format!("{}{about}", if task.paused { "PAUSED. " } else { "" });
    let arguments = arguments(task);
    let keeps = task.keep.map_or("-", Keep::as_str).to_owned();
    let checks = task.validation.map_or("-", Validation::as_str).to_owned();
    [
        task.name.clone(),
        task.workers.to_string(),
        keeps,
        checks,
        unique_by(task),
        task.slo.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds} s")),
        arguments,
        about.trim().to_owned(),
    ]
}

/// The arguments that make a job's unique key; `all` where the task names none, `-` where it is not unique.
fn unique_by(task: &TaskRow) -> String {
    #[derive(Deserialize)]
    struct Declared {
        arguments: Option<Vec<String>>,
    }
    match task.unique.as_ref().and_then(|unique| serde_json::from_str::<Declared>(unique.get()).ok()) {
        None => "-".to_owned(),
        Some(Declared { arguments: None }) => "all".to_owned(),
        Some(Declared { arguments: Some(names) }) => names.join(", "),
    }
}

/// `user_id: i64, [locale: String]`, in the order of the function; brackets mark optional parameters.
fn arguments(task: &TaskRow) -> String {
    let parameters = task.params.iter().flatten();
    format::parameters(parameters.map(|p| (p.name.as_str(), p.ty.as_str(), p.required)), task.extra_kwargs)
}
