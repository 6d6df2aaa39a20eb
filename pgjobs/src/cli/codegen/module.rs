//! From the registry to what a client is made of.

use serde_json::json;

use super::lower::Lowering;
use super::model::{Defaults, Module, Task, Type};
use super::names::pascal;
use super::object;
use super::parts;
use crate::TaskDef;
use crate::inspect::TaskRow;

/// What the generator needs to know of a task.
pub(super) struct Signature {
    pub(super) name: String,
    doc: String,
    args: serde_json::Value,
    result: serde_json::Value,
    defaults: Defaults,
}

impl From<TaskRow> for Signature {
    fn from(row: TaskRow) -> Self {
        let anything = json!({ "type": "object", "additionalProperties": true });
        Signature {
            name: row.name,
            doc: row.doc,
            args: row.args_schema.unwrap_or(anything),
            result: row.result_schema.unwrap_or(json!(true)),
            defaults: Defaults { timeout: row.timeout, priority: row.priority, retries: row.retries },
        }
    }
}

impl From<&TaskDef> for Signature {
    fn from(def: &TaskDef) -> Self {
        let options = def.options;
        Signature {
            name: def.name.to_owned(),
            doc: def.doc.to_owned(),
            args: (def.args_schema)().to_value(),
            result: (def.result_schema)().to_value(),
            defaults: Defaults {
                timeout: Some(options.timeout.as_secs_f64()),
                priority: Some(options.priority),
                retries: i32::try_from(options.retries).ok(),
            },
        }
    }
}

/// The tasks and their types; the same for the same tasks, however they come.
pub(super) fn module(mut signatures: Vec<Signature>) -> Module {
    signatures.sort_by(|a, b| a.name.cmp(&b.name));
    let mut lowering = Lowering::new();
    // The names of arguments are given first, so that no type of the application takes them.
    let args: Vec<String> = signatures
        .iter()
        .map(|task| lowering.names.unique(&format!("{}Args", pascal(&task.name)), ""))
        .collect();
    let tasks =
        signatures.into_iter().zip(args).map(|(task, args)| lower(&mut lowering, task, args)).collect();
    Module { tasks, definitions: lowering.finish() }
}

fn lower(lowering: &mut Lowering, task: Signature, args_name: String) -> Task {
    let hint = pascal(&task.name);
    let mut args = object::record(lowering, &task.args, &task.args, &hint);
    let says_nothing = args.is_empty() && task.args["additionalProperties"] != json!(false);
    let is_one_of_several =
        parts::alternatives(&task.args, &task.args).is_none_or(|several| several.len() > 1);
    if says_nothing || is_one_of_several {
        args.rest = Some(Type::Any);
    }
    let result = lowering.ty(&task.result, &task.result, &format!("{hint}Result"));
    Task { name: task.name, doc: task.doc, args_name, args, result, defaults: task.defaults }
}
