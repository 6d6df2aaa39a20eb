//! Checks what a batch handler may say: its options, and that it takes its arguments as lists.

use std::time::Duration;

use syn::{Path, Type};

use super::types::is_fit;
use crate::errors::Errors;
use crate::model::{Param, Task};
use crate::text::source;

const MOST: i64 = 1000;
const LONGEST_LINGER: Duration = Duration::from_mins(1);

pub(super) fn check(task: &Task, errors: &mut Errors) {
    options(task, errors);
    for param in &task.params {
        if param.markers.each.is_some() {
            each(task, param, errors);
        } else if task.is_batch_handler() {
            other(param, errors);
        }
    }
}

fn options(task: &Task, errors: &mut Errors) {
    let options = &task.options;
    if let Some(batch) = options.batch.as_ref().filter(|at| !(1..=MOST).contains(&at.value)) {
        errors.add(&batch.source, "`batch` is the most jobs of one call and lies within 1..=1000");
    }
    let (Some(_), Some(retries)) = (&options.batch, &options.retries) else { return linger(task, errors) };
    if retries.value == 1 {
        errors.add(
            &retries.source,
            "a job on its last run shares it with none, so with `retries = 1` every call has one job; \
             give it 2 or more, or remove `batch`",
        );
    }
    linger(task, errors);
}

fn linger(task: &Task, errors: &mut Errors) {
    let Some(linger) = &task.options.linger else { return };
    if !task.is_batch_handler() {
        errors.add(
            &linger.source,
            "`linger` is how long a batch handler waits for more jobs; add `batch = 100`, or remove it",
        );
    } else if linger.value > LONGEST_LINGER {
        errors.add(
            &linger.source,
            "a linger is one minute at most (\"1m\"), since a job that waits holds a slot of its worker",
        );
    }
}

fn each(task: &Task, param: &Param, errors: &mut Errors) {
    let marks = &param.markers;
    if !task.is_batch_handler() {
        errors.add(
            &marks.each,
            "`#[each]` takes the argument of each job of a batch handler; add `batch = 100` to the task, \
             or remove it",
        );
    } else if marks.inject.is_some() {
        errors.add(
            &marks.each,
            "injected state is not part of a job and is the same for all; remove `#[each]` or `#[inject]`",
        );
    } else if !param.is_each && is_fit(&param.ty) {
        let ty = source(&param.ty);
        errors.add(
            &param.ty,
            format!("`#[each]` takes the arguments of all jobs of a call; write `Vec<{ty}>`"),
        );
    }
}

fn other(param: &Param, errors: &mut Errors) {
    if param.is_argument() {
        errors.add(
            &param.pat,
            "a batch handler takes this argument of each of its jobs; write `#[each]` before it, and its type \
             as a `Vec`; or `#[inject]` for state of the worker",
        );
    } else if param.state().is_some_and(is_job) {
        errors.add(&param.ty, "a call of a batch handler has several jobs; inject `&pgjobs::Jobs`");
    } else if param.state().is_some_and(|ty| is(ty, "Steps")) {
        errors.add(
            &param.ty,
            "a call of a batch handler has several jobs, and steps are those of one; remove `batch`, or the steps",
        );
    }
}

fn is_job(ty: &Type) -> bool {
    is(ty, "Job")
}

/// Whether it is this type of pgjobs.
fn is(ty: &Type, name: &str) -> bool {
    let full = format!("pgjobs::{name}");
    let named = |path: &Path| path.is_ident(name) || source(path).trim_start_matches("::") == full;
    matches!(ty, Type::Path(path) if path.qself.is_none() && named(&path.path))
}
