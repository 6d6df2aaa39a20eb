//! Reads `#[task(…)]` into typed options; those that are checked later keep their source expression.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::backoff::Backoff;
use crate::choice::{Chosen, KEEP, LOG, TRACE, VALIDATE};
use crate::duration;
use crate::errors::Errors;
use crate::limit::Limit;
use crate::schedule::Schedule;
use crate::table::{self, Row, once, ungrouped, value};
use crate::unique::Unique;

/// What `#[task(…)]` takes; an error about an unknown option lists them in this order.
const OPTIONS: &[Row<Options>] = &[
    once("name", |options, meta, errors| options.name = value(meta, errors, name)),
    once("aliases", |options, meta, errors| {
        options.aliases = value(meta, errors, aliases).unwrap_or_default();
    }),
    once("retries", |options, meta, errors| options.retries = value(meta, errors, retries)),
    once("timeout", |options, meta, errors| options.timeout = value(meta, errors, timeout)),
    once("warn_after", |options, meta, errors| options.warn_after = value(meta, errors, warn_after)),
    once("slo", |options, meta, errors| options.slo = value(meta, errors, slo)),
    once("priority", |options, meta, errors| options.priority = value(meta, errors, priority)),
    once("backoff", |options, meta, errors| options.backoff = value(meta, errors, backoff)),
    once("keep", |options, meta, errors| options.keep = value(meta, errors, keep)),
    once("validate", |options, meta, errors| options.validation = value(meta, errors, validation)),
    once("log", |options, meta, errors| options.log = value(meta, errors, log)),
    once("trace", |options, meta, errors| options.trace = value(meta, errors, trace)),
    once("events", |options, meta, errors| options.events = value(meta, errors, events)),
    once("batch", |options, meta, errors| {
        options.is_batch_handler = true;
        options.batch = value(meta, errors, batch);
    }),
    once("linger", |options, meta, errors| options.linger = value(meta, errors, linger)),
    once("unique", |options, meta, errors| options.unique = unique(meta, errors)),
    once("steps", |options, meta, errors| options.steps = errors.keep(steps(meta)).unwrap_or_default()),
    Row {
        repeats: true,
        ..once("schedule", |options, meta, errors| options.schedules.extend(schedule(meta, errors)))
    },
    once("cron", Options::own_schedule),
    once("every", Options::own_schedule),
    once("zone", Options::own_schedule),
    once("gap", Options::own_schedule),
    once("fold", Options::own_schedule),
    once("jitter", Options::own_schedule),
    once("catch_up", Options::own_schedule),
    once("catch_up_limit", Options::own_schedule),
    once("overlap", Options::own_schedule),
    Row {
        repeats: true,
        ..once("limit", |options, meta, errors| options.add(Limit::read(meta, errors), meta))
    },
    once("in_order", |options, meta, errors| options.add(Limit::read_in_order(meta, errors), meta)),
    once("fair_by", |options, meta, errors| options.add(Limit::read_fair(meta, errors), meta)),
    once("call", |options, meta, errors| options.call = value(meta, errors, call)),
    once("crate", |options, meta, errors| options.library = value(meta, errors, library)),
];

/// A value and its source expression.
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) source: Expr,
}

/// The options that the user wrote; the others keep the library's defaults.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) retries: Option<At<i64>>,
    pub(crate) timeout: Option<At<Duration>>,
    pub(crate) warn_after: Option<At<Duration>>,
    pub(crate) slo: Option<At<Duration>>,
    pub(crate) priority: Option<At<i64>>,
    pub(crate) backoff: Option<Backoff>,
    pub(crate) keep: Option<Chosen>,
    pub(crate) validation: Option<Chosen>,
    pub(crate) log: Option<Chosen>,
    pub(crate) trace: Option<Chosen>,
    pub(crate) events: Option<bool>,
    /// The most jobs of one joint run.
    pub(crate) batch: Option<At<i64>>,
    /// Whether `batch` was given, readable or not.
    pub(crate) is_batch_handler: bool,
    pub(crate) linger: Option<At<Duration>>,
    /// With what the user wrote, for errors about the whole.
    pub(crate) unique: Option<(Unique, Meta)>,
    /// The names of its steps.
    pub(crate) steps: Vec<LitStr>,
    /// Those of `schedule(…)`, each with what the user wrote.
    pub(crate) schedules: Vec<(Schedule, Meta)>,
    /// The one of options without `schedule(…)`, with the first of them.
    pub(crate) own_schedule: Option<(Schedule, Meta)>,
    /// Its limits, each with what the user wrote.
    pub(crate) limits: Vec<(Limit, Meta)>,
    /// The name of the call's struct, if not the function's own.
    pub(crate) call: Option<Ident>,
    /// The path of the library, if not `::pgjobs`.
    library: Option<Path>,
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        table::read(OPTIONS, tokens, &mut options, errors);
        options
    }

    /// Reads an option of the schedule that is the task's own: it has the task's name.
    fn own_schedule(&mut self, meta: &Meta, errors: &mut Errors) {
        let (schedule, _) = self.own_schedule.get_or_insert_with(|| (Schedule::default(), meta.clone()));
        schedule.set(meta, errors);
    }

    fn add(&mut self, limit: Option<Limit>, meta: &Meta) {
        self.limits.extend(limit.map(|limit| (limit, meta.clone())));
    }

    /// All its schedules, with what to blame for a mistake.
    pub(crate) fn schedules(&self) -> impl Iterator<Item = &(Schedule, Meta)> {
        self.own_schedule.iter().chain(&self.schedules)
    }

    /// The path of the library in generated code, with the span for errors.
    pub(crate) fn library(&self, at: Span) -> TokenStream {
        self.library.as_ref().map_or_else(|| quote_spanned!(at=> ::pgjobs), |path| quote!(#path))
    }
}

pub(crate) fn name(value: &Expr) -> syn::Result<LitStr> {
    string(value, "`name` takes a string: name = \"mail.welcome\"")
}

fn aliases(value: &Expr) -> syn::Result<Vec<LitStr>> {
    let form = "`aliases` takes a list of strings: aliases = [\"mail.hello\"]";
    match value {
        Expr::Array(array) => array.elems.iter().map(|element| string(ungrouped(element), form)).collect(),
        _ => Err(syn::Error::new_spanned(value, form)),
    }
}

fn retries(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`retries` takes a whole number: retries = 5")
}

fn priority(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`priority` takes a whole number: priority = 3")
}

fn timeout(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "`timeout` takes a string or whole seconds: timeout = \"30s\", timeout = 30")
}

fn batch(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`batch` takes a whole number, the most jobs of one call: batch = 100")
}

fn warn_after(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(
        value,
        "`warn_after` takes a string or whole seconds: warn_after = \"30s\", warn_after = 30",
    )
}

fn slo(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "`slo` takes a string or whole seconds: slo = \"30s\", slo = 30")
}

fn linger(value: &Expr) -> syn::Result<At<Duration>> {
    duration_text(value, "`linger` takes a string or whole seconds: linger = \"50ms\"")
}

/// A string such as `"30s"`, or whole seconds.
pub(crate) fn duration_text(value: &Expr, form: &str) -> syn::Result<At<Duration>> {
    let text = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
            format!("{number}s")
        }
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            return Err(syn::Error::new(number.span(), format!("put the duration in quotes: \"{number}\"")));
        }
        _ => string(value, form)?.value(),
    };
    match duration::parse(&text) {
        Some(duration) => Ok(At { value: duration, source: value.clone() }),
        None => Err(syn::Error::new_spanned(value, duration::FORM)),
    }
}

fn backoff(value: &Expr) -> syn::Result<Backoff> {
    parsed(value, "`backoff` takes a string: backoff = \"exponential(1s, 1h)\"", Backoff::parse)
}

fn keep(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`keep` takes a string: keep = \"failed\"", |text| KEEP.parse(text))
}

fn validation(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`validate` takes a string: validate = \"warn\"", |text| VALIDATE.parse(text))
}

fn events(value: &Expr) -> syn::Result<bool> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(lit), .. }) => Ok(lit.value),
        other => Err(syn::Error::new_spanned(other, "`events` takes true or false: events = true")),
    }
}

fn log(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`log` takes a string: log = \"info\"", |text| LOG.parse(text))
}

fn trace(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`trace` takes a string: trace = \"child\"", |text| TRACE.parse(text))
}

fn unique(meta: &Meta, errors: &mut Errors) -> Option<(Unique, Meta)> {
    Unique::read(meta, errors).map(|unique| (unique, meta.clone()))
}

fn steps(meta: &Meta) -> syn::Result<Vec<LitStr>> {
    let wrong = || syn::Error::new_spanned(meta, "`steps` takes names: steps(\"charge\", \"approve/*\")");
    let Meta::List(list) = meta else { return Err(wrong()) };
    let names = Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(list.tokens.clone());
    let names = names.map_err(|_| wrong())?;
    if names.is_empty() { Err(wrong()) } else { Ok(names.into_iter().collect()) }
}

fn schedule(meta: &Meta, errors: &mut Errors) -> Option<(Schedule, Meta)> {
    Schedule::read(meta, errors).map(|schedule| (schedule, meta.clone()))
}

fn call(value: &Expr) -> syn::Result<Ident> {
    let form = "`call` takes the name of the call's struct: call = Welcome";
    let name = path(value, form)?;
    name.get_ident().cloned().ok_or_else(|| syn::Error::new_spanned(value, form))
}

pub(crate) fn library(value: &Expr) -> syn::Result<Path> {
    path(value, "`crate` takes a path: crate = my_crate::pgjobs")
}

pub(crate) fn string(value: &Expr, form: &str) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        _ => Err(syn::Error::new_spanned(value, form)),
    }
}

/// A whole number with its sign, so that a range check can show what the user wrote.
pub(crate) fn integer(value: &Expr, form: &str) -> syn::Result<At<i64>> {
    let wrong = || syn::Error::new_spanned(value, form);
    let (sign, literal) = match value {
        Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => (-1, &**expr),
        _ => (1, value),
    };
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = literal else { return Err(wrong()) };
    // A number that does not fit an i64 is out of range anyway.
    let number = number.base10_parse::<i64>().map_err(|_| wrong())?;
    Ok(At { value: sign * number, source: value.clone() })
}

/// A string in a specific format.
pub(crate) fn parsed<T>(
    value: &Expr,
    form: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> syn::Result<T> {
    let text = string(value, form)?;
    parse(&text.value()).map_err(|reason| syn::Error::new(text.span(), reason))
}

fn path(value: &Expr, form: &str) -> syn::Result<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        _ => Err(syn::Error::new_spanned(value, form)),
    }
}
