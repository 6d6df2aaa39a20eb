//! Checks the names of steps.

use crate::errors::Errors;
use crate::model::Task;

const LONGEST: usize = 200;

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let mut seen: Vec<String> = Vec::new();
    for step in &task.options.steps {
        let name = step.value();
        if !(1..=LONGEST).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            errors.add(step, "the name of a step has 1 to 200 characters, none of them a control character");
        } else if name.strip_suffix('*').unwrap_or(&name).contains('*') {
            errors.add(step, "`*` stands at the end of a step's name, for any that begins so: \"charge/*\"");
        } else if seen.contains(&name) {
            errors.add(step, format!("the step `{name}` is given twice; keep one"));
        }
        seen.push(name);
    }
    if let Some(step) = task.options.steps.first().filter(|_| task.is_batch_handler()) {
        errors.add(
            step,
            "a call of a batch handler has several jobs, and steps are those of one; remove `steps`",
        );
    }
}
