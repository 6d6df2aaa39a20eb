//! Compares the signatures of all tasks with a committed file.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::signature::Signature;
use crate::task::definition::TaskDef;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(flatten)]
    signature: Signature,
}

impl Kept {
    fn of(task: &TaskDef) -> Self {
        let aliases = task.aliases.iter().map(|&alias| alias.to_owned()).collect();
        Kept { name: task.name.to_owned(), aliases, signature: Signature::of(task) }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// Compares tasks with the file, or writes it when `bless` is true.
///
/// The error reports what broke, what is new, and how to accept it.
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

/// The changes that break pending jobs with the older signature.
fn breaking(before: &[Kept], now: &[Kept]) -> Vec<String> {
    let mut found = Vec::new();
    for old in before {
        for name in old.names() {
            let Some(new) = now.iter().find(|new| new.names().any(|other| other == name)) else {
                found.push(format!("task `{name}` is gone: aliases = [\"{name}\"] keeps its jobs running"));
                continue;
            };
            if *name == old.name {
                let incompatible = old.signature.incompatible_with(&new.signature);
                found
                    .extend(incompatible.iter().map(|incompatible| format!("task `{name}`: {incompatible}")));
                let moved = old.signature.moved_in(&new.signature);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::handler::Handler;
    use crate::types::body::Param;
    use crate::types::options::TaskOptions;

    const OLD: TaskDef = TaskDef {
        name: "mail.welcome",
        aliases: &["mail.hello"],
        doc: "",
        location: "here",
        params: &[Param { name: "user_id", ty: "i64", required: true }],
        defaults: &[],
        extra_kwargs: false,
        needs: &[],
        schedules: &[],
        limits: &[],
        steps: &[],
        unique: None,
        options: TaskOptions::DEFAULT,
        args_schema: || schema("i64"),
        result_schema: || schemars::schema_for!(()),
        decode: |_| Ok(()),
        run: Handler::One(|context| Box::pin(async move { context.finish(()) })),
    };
    static SAME: TaskDef = TaskDef { doc: "Said otherwise.", ..OLD };
    static NARROWER: TaskDef = TaskDef { aliases: &[], args_schema: || schema("i32"), ..OLD };
    static WIDER: TaskDef = TaskDef {
        params: &[
            Param { name: "user_id", ty: "i64", required: true },
            Param { name: "locale", ty: "Option<String>", required: false },
        ],
        ..OLD
    };
    static OTHER: TaskDef = TaskDef { name: "mail.bye", aliases: &[], ..OLD };

    fn schema(integer: &str) -> schemars::Schema {
        let user = match integer {
            "i32" => crate::types::integer_bounds::schema::<i32>(),
            _ => crate::types::integer_bounds::schema::<i64>(),
        };
        schemars::json_schema!({ "type": "object", "properties": { "user_id": user } })
    }

    fn compared(name: &str, now: &[&'static TaskDef]) -> Result<(), String> {
        static BEFORE: TaskDef = OLD;
        let path = std::env::temp_dir().join(format!("pgjobs-{}-{name}.json", std::process::id()));
        let before = compare(&path, &[&BEFORE], true).and_then(|()| compare(&path, now, false));
        let _ = std::fs::remove_file(path);
        before
    }

    #[test]
    fn what_was_written_matches_whatever_the_documentation_says() {
        assert_eq!(compared("same", &[&SAME]), Ok(()));
    }

    #[test]
    fn what_is_incompatible_and_what_is_gone_comes_first() {
        let reason = compared("narrower", &[&NARROWER, &OTHER]).unwrap_err();
        let at = |part: &str| reason.find(part).unwrap_or_else(|| panic!("{part}: {reason}"));
        assert!(
            at("jobs that are pending") < at("task `mail.welcome`: `user_id` has the maximum 2147483647 now")
        );
        assert!(at("task `mail.hello` is gone: aliases = [\"mail.hello\"]") < at("task `mail.bye` is new"));
        assert!(at("task `mail.welcome` is described otherwise") < at("run the test with BLESS=1"));
    }

    #[test]
    fn what_merely_changed_is_told_apart() {
        let reason = compared("wider", &[&WIDER]).unwrap_err();
        assert!(reason.contains("task `mail.welcome` is described otherwise"), "{reason}");
        assert!(!reason.contains("narrower"), "{reason}");
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_write_it() {
        let reason = compare(Path::new("no/such.json"), &[&SAME], false).unwrap_err();
        assert!(reason.contains("no/such.json cannot be read") && reason.contains("BLESS=1"), "{reason}");
        assert!(compare(Path::new("x"), &[], false).unwrap_err().contains("pgjobs::link!"));
    }
}
