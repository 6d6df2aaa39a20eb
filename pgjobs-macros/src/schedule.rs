//! A schedule in `#[task(…)]`: `cron = "0 3 * * *", zone = "Europe/Berlin"`, or one of several,
//! `schedule(name = "nightly", cron = "0 3 * * *")`.

use std::time::Duration;

use syn::{Expr, LitStr, Meta};

use crate::choice::{CATCH_UP, Chosen, FOLD, GAP, OVERLAP};
use crate::errors::Errors;
use crate::options::{At, duration_text, integer, name, parsed, string};
use crate::table::{self, Row, once, value};

const OPTIONS: &[Row<Schedule>] = &[
    once("name", |schedule, meta, errors| schedule.name = value(meta, errors, name)),
    once("cron", |schedule, meta, errors| schedule.cron = value(meta, errors, cron)),
    once("every", |schedule, meta, errors| schedule.every = value(meta, errors, every)),
    once("zone", |schedule, meta, errors| schedule.zone = value(meta, errors, zone)),
    once("gap", |schedule, meta, errors| schedule.gap = value(meta, errors, gap)),
    once("fold", |schedule, meta, errors| schedule.fold = value(meta, errors, fold)),
    once("jitter", |schedule, meta, errors| schedule.jitter = value(meta, errors, jitter)),
    once("catch_up", |schedule, meta, errors| schedule.catch_up = value(meta, errors, catch_up)),
    once("catch_up_limit", |schedule, meta, errors| {
        schedule.catch_up_limit = value(meta, errors, catch_up_limit);
    }),
    once("overlap", |schedule, meta, errors| schedule.overlap = value(meta, errors, overlap)),
];

/// When a job of the task is published by itself. What the user left out is decided by the database.
#[derive(Default)]
pub(crate) struct Schedule {
    /// `None`: the task's name.
    pub(crate) name: Option<LitStr>,
    pub(crate) cron: Option<LitStr>,
    pub(crate) every: Option<At<Duration>>,
    pub(crate) zone: Option<LitStr>,
    pub(crate) gap: Option<Chosen>,
    pub(crate) fold: Option<Chosen>,
    pub(crate) jitter: Option<At<Duration>>,
    pub(crate) catch_up: Option<Chosen>,
    pub(crate) catch_up_limit: Option<At<i64>>,
    pub(crate) overlap: Option<Chosen>,
}

impl Schedule {
    /// `None` after a mistake in its form.
    pub(crate) fn read(meta: &Meta, errors: &mut Errors) -> Option<Self> {
        let form = "`schedule` takes a list: schedule(name = \"nightly\", cron = \"0 3 * * *\")";
        table::list(meta, OPTIONS, errors, form)
    }

    /// Reads one of its options.
    pub(crate) fn set(&mut self, meta: &Meta, errors: &mut Errors) {
        table::one(OPTIONS, meta, self, errors);
    }
}

fn cron(value: &Expr) -> syn::Result<LitStr> {
    string(value, "`cron` takes a string: cron = \"0 3 * * mon-fri\"")
}

fn every(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "`every` takes a string or whole seconds: every = \"30s\", every = 30")
}

fn zone(value: &Expr) -> syn::Result<LitStr> {
    string(value, "`zone` takes a string: zone = \"Europe/Berlin\"")
}

fn gap(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`gap` takes a string: gap = \"skip\"", |text| GAP.parse(text))
}

fn fold(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`fold` takes a string: fold = \"second\"", |text| FOLD.parse(text))
}

fn jitter(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "`jitter` takes a string or whole seconds: jitter = \"5m\", jitter = 30")
}

fn catch_up(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`catch_up` takes a string: catch_up = \"skip\"", |text| CATCH_UP.parse(text))
}

fn catch_up_limit(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`catch_up_limit` takes a whole number: catch_up_limit = 10")
}

fn overlap(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`overlap` takes a string: overlap = \"skip\"", |text| OVERLAP.parse(text))
}
