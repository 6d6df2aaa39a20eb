//! The checks: they report every mistake in the model, each on the smallest span, each with what is allowed.

use crate::errors::Errors;
use crate::model::Task;

mod batch;
mod header;
mod key;
mod limit;
mod options;
mod params;
mod schedule;
mod steps;
mod types;
mod unique;

pub(crate) use types::is_fit;

pub(crate) fn check(task: &Task, errors: &mut Errors) {
    header::check(&task.function.sig, errors);
    params::check(task, errors);
    types::check_returned(&task.returned, errors);
    options::check(task, errors);
    batch::check(task, errors);
    unique::check(task, errors);
    schedule::check(task, errors);
    steps::check(task, errors);
    limit::check(task, errors);
}
