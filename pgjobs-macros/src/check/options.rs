//! Checks the options: ranges that the database accepts, and well-formed names.

use std::time::Duration;

use syn::LitStr;

use crate::errors::Errors;
use crate::model::Task;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const LONGEST_TIMEOUT: Duration = Duration::from_hours(7 * 24);
const SHORTEST_SLO: Duration = Duration::from_millis(10);
const LONGEST_SLO: Duration = Duration::from_hours(30 * 24);

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let options = &task.options;
    if let Some(retries) = options.retries.as_ref().filter(|at| !(1..=1000).contains(&at.value)) {
        errors.add(
            &retries.source,
            "`retries` counts the runs in all and lies within 1..=1000; `retries = 1` means no second run",
        );
    }
    if let Some(priority) = options.priority.as_ref().filter(|at| i32::try_from(at.value).is_err()) {
        errors.add(&priority.source, "`priority` is an i32, -2147483648 to 2147483647; greater runs first");
    }
    if let Some(timeout) = &options.timeout {
        if timeout.value.is_zero() {
            errors.add(
                &timeout.source,
                "a timeout of zero stops every run before it starts; leave it out for 60 s",
            );
        } else if timeout.value > LONGEST_TIMEOUT {
            errors.add(
                &timeout.source,
                "a timeout is 7 days at most (\"7d\"); split longer work into several jobs",
            );
        }
    }
    warn_after(task, errors);
    slo(task, errors);
    names(task, errors);
}

/// A run that is stopped at its timeout cannot be warned of later.
fn warn_after(task: &Task, errors: &mut Errors) {
    let Some(warn_after) = &task.options.warn_after else { return };
    let timeout = task.options.timeout.as_ref().map_or(DEFAULT_TIMEOUT, |timeout| timeout.value);
    if warn_after.value.is_zero() {
        errors.add(
            &warn_after.source,
            "a `warn_after` of zero warns of every run; leave it out for no warning",
        );
    } else if warn_after.value >= timeout {
        let timeout = timeout.as_secs_f64();
        errors.add(
            &warn_after.source,
            format!("`warn_after` must be less than the timeout, {timeout} s, which stops the run"),
        );
    }
}

/// What the database takes as a time from due to end.
fn slo(task: &Task, errors: &mut Errors) {
    let Some(slo) = &task.options.slo else { return };
    if !(SHORTEST_SLO..=LONGEST_SLO).contains(&slo.value) {
        errors.add(
            &slo.source,
            "an `slo` lies within \"10ms\" and \"30d\": how soon a job has to end after it is due",
        );
    }
}

fn names(task: &Task, errors: &mut Errors) {
    let (name, aliases) = (&task.options.name, &task.options.aliases);
    for name in name.iter().chain(aliases) {
        form(name, errors);
    }
    let name = name.as_ref().map(LitStr::value);
    let mut seen: Vec<String> = Vec::new();
    for alias in aliases {
        let text = alias.value();
        if name.as_ref() == Some(&text) {
            errors.add(alias, "an alias is an earlier name; this is the task's name already, remove it");
        } else if seen.contains(&text) {
            errors.add(alias, format!("the alias `{text}` is given twice; keep one"));
        }
        seen.push(text);
    }
}

/// The format of `jobs.job_queue.task`, which topics match and which reads well in a log.
pub(super) fn form(name: &LitStr, errors: &mut Errors) {
    let text = name.value();
    let segment =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if text.is_empty() {
        errors.add(
            name,
            "a name cannot be empty; write one such as \"mail.welcome\", or leave it out for the module path",
        );
    } else if text.chars().count() > 200 {
        errors.add(name, "a name has 200 characters at most");
    } else if !text.split('.').all(segment) {
        errors.add(name, "a name is dotted words of letters, digits, `_` and `-`, such as \"mail.welcome\"");
    }
}
