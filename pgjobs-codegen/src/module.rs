//! Builds the model of a client from its tasks.

use serde_json::{Value, json};

use crate::error::Error;
use crate::lower::Lowering;
use crate::model::{Defaults, Function, Module, Type};
use crate::names::pascal;
use crate::schema::parts;
use crate::task::Task;

/// The functions and their types: the same for the same tasks, in whichever order they come.
pub(crate) fn module(tasks: &[Task]) -> Result<Module, Error> {
    let mut tasks: Vec<&Task> = tasks.iter().collect();
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    check(&tasks)?;
    let mut lowering = Lowering::new();
    // The types of arguments are named first, so that no type of the application takes their names.
    let args: Vec<String> =
        tasks.iter().map(|task| lowering.names.unique(&format!("{}Args", pascal(&task.name)), "")).collect();
    let functions = tasks.into_iter().zip(args).map(|(task, args)| function(&mut lowering, task, args));
    Ok(Module { functions: functions.collect(), definitions: lowering.finish() })
}

/// Refuses tasks of which no client can be written; they are sorted by name.
fn check(tasks: &[&Task]) -> Result<(), Error> {
    if let Some([twice, _]) = tasks.array_windows().find(|[one, next]| one.name == next.name) {
        return Err(Error::DuplicateTask { name: twice.name.clone() });
    }
    match tasks.iter().find(|task| task.timeout.is_some_and(|timeout| !timeout.is_finite())) {
        Some(task) => Err(Error::Timeout { task: task.name.clone() }),
        None => Ok(()),
    }
}

fn function(lowering: &mut Lowering, task: &Task, args_name: String) -> Function {
    let hint = pascal(&task.name);
    let any_object = json!({ "type": "object", "additionalProperties": true });
    let schema = task.args_schema.as_ref().unwrap_or(&any_object);
    let mut args = lowering.record(schema, schema, &hint);
    let params = task.params.as_deref().unwrap_or_default();
    let place = |name: &str| params.iter().position(|param| param.name == name);
    args.fields.sort_by_key(|field| place(&field.name).unwrap_or(usize::MAX));
    let says_nothing = args.is_empty() && schema["additionalProperties"] != json!(false);
    let is_one_of_several = parts::alternatives(schema, schema).is_none_or(|several| several.len() > 1);
    if says_nothing || is_one_of_several {
        args.rest = Some(Type::Any);
    }
    let schema = task.result_schema.as_ref().unwrap_or(&Value::Bool(true));
    let result = lowering.ty(schema, schema, &format!("{hint}Result"));
    let defaults = Defaults { timeout: task.timeout, priority: task.priority, retries: task.retries };
    Function { name: task.name.clone(), doc: task.doc.clone(), args_name, args, result, defaults }
}
