//! Checks limits: their keys name published arguments that may be shown, and their options fit together.

use syn::Ident;
use syn::ext::IdentExt;

use super::{key, options};
use crate::errors::Errors;
use crate::limit::{Kind, Limit};
use crate::model::Task;
use crate::options::At;
use crate::rate;

pub(super) fn check(task: &Task, errors: &mut Errors) {
    let mut names: Vec<String> = Vec::new();
    for (limit, source) in &task.options.limits {
        arguments(task, limit, errors);
        numbers(limit, errors);
        rates(limit, errors);
        if limit.kind == Kind::Limit && !limit.says_how_many {
            errors.add(source, "a limit says how many run or start: limit(max = 2), limit(rate = \"100/s\")");
        }
        if let Some(name) = &limit.name {
            options::form(name, errors);
            if names.contains(&name.value()) {
                errors.add(name, "several limits of a task need different names");
            }
            names.push(name.value());
        }
    }
}

fn arguments(task: &Task, limit: &Limit, errors: &mut Errors) {
    key::check(task, &limit.key, errors);
    if limit.key.len() > 10 {
        errors.add(&limit.key[10], "a key has 10 arguments at most");
    }
    if let Some(cost) = &limit.cost {
        key::check(task, std::slice::from_ref(cost), errors);
    }
    limit.key.iter().filter(|name| is_sensitive(task, name)).for_each(|name| {
        errors.add(
            name,
            format!(
                "`{}` is sensitive, and the keys of limits are shown; take another argument",
                name.unraw()
            ),
        );
    });
}

fn is_sensitive(task: &Task, name: &Ident) -> bool {
    task.arguments().any(|param| name.unraw() == param.keyword() && param.markers.sensitive.is_some())
}

fn numbers(limit: &Limit, errors: &mut Errors) {
    let range = |at: &Option<At<i64>>, most: i64, words: &str, errors: &mut Errors| {
        if let Some(at) = at.as_ref().filter(|at| !(1..=most).contains(&at.value)) {
            errors.add(&at.source, words);
        }
    };
    range(
        &limit.max,
        1_000_000_000,
        "`max` is how many run at once, 1 to 1000000000; pgjobs pause stops a task",
        errors,
    );
    range(&limit.burst, 9_999_999, "`burst` is how many start at once, 1 to 9999999", errors);
    if let Some(burst) = limit.burst.as_ref().filter(|_| limit.rates.is_empty()) {
        errors.add(&burst.source, "`burst` belongs to a rate: limit(rate = \"100/s\", burst = 20)");
    }
}

fn rates(limit: &Limit, errors: &mut Errors) {
    for (at, rate) in limit.rates.iter().enumerate() {
        if limit.rates[..at].iter().any(|other| rate::are_alike(&other.value(), &rate.value())) {
            errors.add(rate, "this rate is there already; several differ, as \"10/s\" and \"1000/h\"");
        }
    }
    if let Some(ninth) = limit.rates.get(8) {
        errors.add(ninth, "a limit has 8 rates at most");
    }
}
