//! Checks option `unique`: its key names published arguments, and its other options fit together.

use std::time::Duration;

use super::{key, options};
use crate::errors::Errors;
use crate::model::{Kind, Task};
use crate::options::At;
use crate::unique::{Unique, Until};

const LONGEST: Duration = Duration::from_hours(3650 * 24);

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let Some((unique, attribute)) = &task.options.unique else { return };
    match &unique.key {
        Some(key) => key::check(task, key, errors),
        None if task.arguments().any(|param| matches!(param.kind, Kind::Kwargs)) => {
            errors.add(
                attribute,
                "this task takes any keyword; name the arguments of the key: unique(key = …)",
            );
        }
        None => {}
    }
    if let Some(name) = &unique.name {
        options::form(name, errors);
    }
    times(unique, errors);
}

fn times(unique: &Unique, errors: &mut Errors) {
    let postpones = unique.on_conflict.as_ref().is_some_and(|chosen| chosen.is("Postpone"));
    for wait in unique.wait.iter().chain(&unique.max_wait) {
        if !postpones {
            errors.add(&wait.source, "only on_conflict = \"postpone\" waits; add it, or remove this");
        }
        length(wait, errors);
    }
    if let Some(Until::After(after)) = &unique.until {
        length(after, errors);
    }
}

fn length(time: &At<Duration>, errors: &mut Errors) {
    if time.value.is_zero() || time.value > LONGEST {
        errors.add(&time.source, "this time is more than zero, and 3650 days at most");
    }
}
