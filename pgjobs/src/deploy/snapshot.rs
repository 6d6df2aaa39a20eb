//! The forms of all tasks in a file that is committed, and how they differ from what the code has now.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::form::Form;
use crate::task::TaskDef;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(flatten)]
    form: Form,
}

impl Kept {
    fn of(task: &TaskDef) -> Self {
        let aliases = task.aliases.iter().map(|&alias| alias.to_owned()).collect();
        Kept { name: task.name.to_owned(), aliases, form: Form::of(task) }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// Compares tasks with the file, or writes it when `bless` is true.
///
/// The error says what broke, what is new, and how to accept it.
pub(crate) fn compare(path: &Path, tasks: &[&'static TaskDef], bless: bool) -> Result<(), String> {
    let now: Vec<Kept> = tasks.iter().map(|task| Kept::of(task)).collect();
    if now.is_empty() {
        return Err(
            "no tasks are linked into this test: name their crate, pgjobs::link!(my_tasks);".to_owned()
        );
    }
    if bless {
        return write(path, &now);
    }
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}; {HOW}", path.display()))?;
    let before: Vec<Kept> = serde_json::from_str(&text)
        .map_err(|error| format!("{} is no list of tasks: {error}; {HOW}", path.display()))?;
    let (breaking, new) = (breaking(&before, &now), new(&before, &now));
    if breaking.is_empty() && new.is_empty() {
        return Ok(());
    }
    Err(words(path, &breaking, &new))
}

const HOW: &str = "run the test with BLESS=1 to write it, and commit it";

fn write(path: &Path, now: &[Kept]) -> Result<(), String> {
    let text = serde_json::to_string_pretty(now).map_err(|error| error.to_string())?;
    std::fs::write(path, text + "\n")
        .map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

/// What pending jobs of the older form would meet.
fn breaking(before: &[Kept], now: &[Kept]) -> Vec<String> {
    let mut found = Vec::new();
    for old in before {
        for name in old.names() {
            let Some(new) = now.iter().find(|new| new.names().any(|other| other == name)) else {
                found.push(format!("task `{name}` is gone: aliases = [\"{name}\"] keeps its jobs running"));
                continue;
            };
            if *name == old.name {
                let narrowed = old.form.narrowed_by(&new.form);
                found.extend(narrowed.iter().map(|narrowed| format!("task `{name}`: {narrowed}")));
                let moved = old.form.moved_in(&new.form);
                found.extend(moved.map(|param| format!("task `{name}`: `{param}` has another place now")));
            }
        }
    }
    found
}

/// What changed without breaking anything.
fn new(before: &[Kept], now: &[Kept]) -> Vec<String> {
    let mut found = Vec::new();
    for new in now {
        match before.iter().find(|old| old.name == new.name) {
            None => found.push(format!("task `{}` is new", new.name)),
            Some(old) if old != new => {
                found.push(format!("task `{}` is described otherwise than before", new.name));
            }
            Some(_) => {}
        }
    }
    found
}

fn words(path: &Path, breaking: &[String], new: &[String]) -> String {
    let part = |title: &str, lines: &[String]| match lines {
        [] => String::new(),
        lines => format!("\n{title}\n  {}", lines.join("\n  ")),
    };
    format!(
        "the tasks differ from {}{}{}\nif this is meant, {HOW}",
        path.display(),
        part("narrower: jobs that are pending during the deployment would break", breaking),
        part("changed", new),
    )
}
