//! Builds the model of a client from the registry.

use serde_json::json;
use serde_json::value::RawValue;

use super::lower::Lowering;
use super::model::{Defaults, Module, Task, Type};
use super::names::pascal;
use super::parts;
use crate::define::TaskDef;
use crate::inspect::TaskRow;

/// What the generator must know of a task.
pub(crate) struct Signature {
    pub(crate) name: String,
    doc: String,
    /// The names of its parameters in the order of the function, as far as they are known.
    params: Vec<String>,
    args: serde_json::Value,
    result: serde_json::Value,
    defaults: Defaults,
}

impl From<TaskRow> for Signature {
    fn from(row: TaskRow) -> Self {
        // A schema that no JSON library can parse counts as unknown.
        let schema = |json: Option<Box<RawValue>>| serde_json::from_str(json?.get()).ok();
        let anything = json!({ "type": "object", "additionalProperties": true });
        Signature {
            name: row.name,
            doc: row.doc,
            params: row.params.into_iter().flatten().map(|param| param.name).collect(),
            args: schema(row.args_schema).unwrap_or(anything),
            result: schema(row.result_schema).unwrap_or(json!(true)),
            defaults: Defaults {
                timeout: row.timeout.filter(|timeout| timeout.is_finite()),
                priority: row.priority,
                retries: row.retries,
            },
        }
    }
}

impl From<&TaskDef> for Signature {
    fn from(def: &TaskDef) -> Self {
        let options = def.options;
        Signature {
            name: def.name.to_owned(),
            doc: def.doc.to_owned(),
            params: def.params.iter().map(|param| param.name.to_owned()).collect(),
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

/// The tasks and their types. The result is the same for the same tasks, in whichever order they come.
pub(crate) fn module(mut signatures: Vec<Signature>) -> Module {
    signatures.sort_by(|a, b| a.name.cmp(&b.name));
    let mut lowering = Lowering::new();
    // The types of arguments are named first, so that no type of the application takes their names.
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
    let mut args = lowering.record(&task.args, &task.args, &hint);
    let place = |name: &String| task.params.iter().position(|param| param == name);
    args.fields.sort_by_key(|field| place(&field.name).unwrap_or(usize::MAX));
    let says_nothing = args.is_empty() && task.args["additionalProperties"] != json!(false);
    let is_one_of_several =
        parts::alternatives(&task.args, &task.args).is_none_or(|several| several.len() > 1);
    if says_nothing || is_one_of_several {
        args.rest = Some(Type::Any);
    }
    let result = lowering.ty(&task.result, &task.result, &format!("{hint}Result"));
    Task { name: task.name, doc: task.doc, args_name, args, result, defaults: task.defaults }
}
