//! The `unique` option: `unique(key = (customer, day), until = "ended", on_conflict = "keep")`.

use std::time::Duration;

use syn::{Expr, Ident, LitStr, Meta};

use crate::choice::{Chosen, ON_CONFLICT};
use crate::duration;
use crate::errors::Errors;
use crate::limit::arguments;
use crate::options::{At, duration_text, name, parsed};
use crate::table::{self, Row, once, value};

const OPTIONS: &[Row<Unique>] = &[
    once("key", |unique, meta, errors| unique.key = Some(value(meta, errors, key).unwrap_or_default())),
    once("name", |unique, meta, errors| unique.name = value(meta, errors, name)),
    once("until", |unique, meta, errors| unique.until = value(meta, errors, until)),
    once("on_conflict", |unique, meta, errors| unique.on_conflict = value(meta, errors, on_conflict)),
    once("wait", |unique, meta, errors| unique.wait = value(meta, errors, wait)),
    once("max_wait", |unique, meta, errors| unique.max_wait = value(meta, errors, wait)),
];

/// What makes a job of the task one of a kind. What the user left out is decided by the library.
#[derive(Default)]
pub(crate) struct Unique {
    /// The arguments that make the key; `None`: all of them.
    pub(crate) key: Option<Vec<Ident>>,
    /// What several tasks share the key under.
    pub(crate) name: Option<LitStr>,
    pub(crate) until: Option<Until>,
    pub(crate) on_conflict: Option<Chosen>,
    pub(crate) wait: Option<At<Duration>>,
    pub(crate) max_wait: Option<At<Duration>>,
}

/// How long a job holds its key.
pub(crate) enum Until {
    Started,
    Ended,
    After(At<Duration>),
}

impl Unique {
    /// `None` after a mistake in its form; `#[task(unique)]` is short for `unique()`.
    pub(crate) fn read(meta: &Meta, errors: &mut Errors) -> Option<Self> {
        match meta {
            Meta::Path(_) => Some(Unique::default()),
            _ => table::list(meta, OPTIONS, errors, "`unique` takes a list: unique(key = customer)"),
        }
    }
}

/// A name, or several in parentheses; `()` is one key for all jobs of the task.
fn key(value: &Expr) -> syn::Result<Vec<Ident>> {
    arguments(value, "`key` names arguments of the task: key = customer, key = (customer, day)")
}

fn until(value: &Expr) -> syn::Result<Until> {
    let form = "`until` takes a string: until = \"started\", \"ended\", or how long: \"1h\"";
    parsed(value, form, |text| match text.trim() {
        "started" => Ok(Until::Started),
        "ended" => Ok(Until::Ended),
        text => match duration::parse(text) {
            Some(length) => Ok(Until::After(At { value: length, source: value.clone() })),
            None => Err("`until` is \"started\", \"ended\", or how long: \"1h\", \"10m\"".to_owned()),
        },
    })
}

fn on_conflict(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`on_conflict` takes a string: on_conflict = \"replace\"", |text| ON_CONFLICT.parse(text))
}

fn wait(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "a wait is a string or whole seconds: wait = \"5s\", max_wait = 60")
}
