//! Limits in `#[task(…)]`: `limit(key = customer, max = 2, rate = "100/s")`, `in_order(key = account)`,
//! `fair_by = tenant`.

use syn::{Expr, Ident, LitStr, Meta};

use crate::choice::{Chosen, ON_DEAD};
use crate::errors::Errors;
use crate::options::{At, integer, name, parsed, string};
use crate::rate;
use crate::table::{self, Row, once, ungrouped, value};

const LIMIT: &[Row<Limit>] = &[
    once("name", |limit, meta, errors| limit.name = value(meta, errors, name)),
    once("key", |limit, meta, errors| limit.key = value(meta, errors, key).unwrap_or_default()),
    once("max", |limit, meta, errors| {
        limit.says_how_many = true;
        limit.max = value(meta, errors, max);
    }),
    once("rate", |limit, meta, errors| {
        limit.says_how_many = true;
        limit.rates.extend(value(meta, errors, rate));
    }),
    once("rates", |limit, meta, errors| {
        limit.says_how_many = true;
        limit.rates.extend(value(meta, errors, rates).into_iter().flatten());
    }),
    once("burst", |limit, meta, errors| limit.burst = value(meta, errors, burst)),
    once("cost", |limit, meta, errors| limit.cost = value(meta, errors, cost)),
];

const IN_ORDER: &[Row<Limit>] = &[
    once("name", |limit, meta, errors| limit.name = value(meta, errors, name)),
    once("key", |limit, meta, errors| limit.key = value(meta, errors, key).unwrap_or_default()),
    once("on_dead", |limit, meta, errors| limit.on_dead = value(meta, errors, on_dead)),
    once("max", |_, meta, errors| {
        errors.add(meta, "`in_order` runs one job of a key at a time; remove `max`, or write limit(max = …)");
    }),
];

/// How many jobs run, how often they start, in which order, shared by whom.
pub(crate) struct Limit {
    pub(crate) kind: Kind,
    /// `None`: made of the task's name and the key's.
    pub(crate) name: Option<LitStr>,
    /// The arguments that make the key; none: all jobs count together.
    pub(crate) key: Vec<Ident>,
    pub(crate) max: Option<At<i64>>,
    /// Whether `max`, `rate` or `rates` was given, readable or not.
    pub(crate) says_how_many: bool,
    pub(crate) rates: Vec<LitStr>,
    /// Of the first rate.
    pub(crate) burst: Option<At<i64>>,
    /// The argument that says how much a job takes.
    pub(crate) cost: Option<Ident>,
    pub(crate) on_dead: Option<Chosen>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Limit,
    InOrder,
    Fair,
}

impl Limit {
    const fn of(kind: Kind) -> Self {
        Limit {
            kind,
            name: None,
            key: Vec::new(),
            max: None,
            says_how_many: false,
            rates: Vec::new(),
            burst: None,
            cost: None,
            on_dead: None,
        }
    }

    /// Reads `limit(…)`; `None` after a mistake in its form.
    pub(crate) fn read(meta: &Meta, errors: &mut Errors) -> Option<Self> {
        let form = "`limit` takes a list: limit(key = customer, max = 2), limit(rate = \"100/s\")";
        Limit::of(Kind::Limit).filled(meta, LIMIT, errors, form)
    }

    /// Reads `in_order(…)`; `in_order` alone is one queue for all jobs of the task.
    pub(crate) fn read_in_order(meta: &Meta, errors: &mut Errors) -> Option<Self> {
        match meta {
            Meta::Path(_) => Some(Limit::of(Kind::InOrder)),
            _ => {
                let form = "`in_order` takes a list: in_order(key = account, on_dead = \"hold\")";
                Limit::of(Kind::InOrder).filled(meta, IN_ORDER, errors, form)
            }
        }
    }

    /// Reads `fair_by = tenant`.
    pub(crate) fn read_fair(meta: &Meta, errors: &mut Errors) -> Option<Self> {
        Some(Limit { key: value(meta, errors, fair_by)?, ..Limit::of(Kind::Fair) })
    }

    fn filled(mut self, meta: &Meta, rows: &[Row<Limit>], errors: &mut Errors, form: &str) -> Option<Self> {
        table::fill(&mut self, meta, rows, errors, form).then_some(self)
    }
}

fn key(value: &Expr) -> syn::Result<Vec<Ident>> {
    arguments(value, "`key` names arguments of the task: key = customer, key = (customer, day)")
}

fn fair_by(value: &Expr) -> syn::Result<Vec<Ident>> {
    let form = "`fair_by` names arguments of the task: fair_by = tenant";
    let key = arguments(value, form)?;
    if key.is_empty() { Err(syn::Error::new_spanned(value, form)) } else { Ok(key) }
}

/// The name of an argument, or several in parentheses.
pub(crate) fn arguments(value: &Expr, form: &str) -> syn::Result<Vec<Ident>> {
    match value {
        Expr::Tuple(tuple) => tuple.elems.iter().map(|name| argument(ungrouped(name), form)).collect(),
        Expr::Paren(paren) => Ok(vec![argument(ungrouped(&paren.expr), form)?]),
        _ => Ok(vec![argument(value, form)?]),
    }
}

fn argument(value: &Expr, form: &str) -> syn::Result<Ident> {
    let name = match value {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    };
    name.ok_or_else(|| syn::Error::new_spanned(value, form))
}

fn max(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`max` takes a whole number, how many run at once: max = 2")
}

fn burst(value: &Expr) -> syn::Result<At<i64>> {
    integer(value, "`burst` takes a whole number, how many start at once after a pause: burst = 20")
}

fn cost(value: &Expr) -> syn::Result<Ident> {
    argument(value, "`cost` names the argument that says how much a job takes: cost = units")
}

fn rate(value: &Expr) -> syn::Result<LitStr> {
    let rate = string(value, "`rate` takes a string: rate = \"100/s\", \"300/m\", \"100/10s\"")?;
    rate::check(&rate.value()).map_err(|reason| syn::Error::new(rate.span(), reason))?;
    Ok(rate)
}

fn rates(value: &Expr) -> syn::Result<Vec<LitStr>> {
    match value {
        Expr::Array(array) => array.elems.iter().map(|element| rate(ungrouped(element))).collect(),
        _ => Err(syn::Error::new_spanned(
            value,
            "`rates` takes a list of strings: rates = [\"10/s\", \"1000/h\"]",
        )),
    }
}

fn on_dead(value: &Expr) -> syn::Result<Chosen> {
    parsed(value, "`on_dead` takes a string: on_dead = \"hold\"", |text| ON_DEAD.parse(text))
}
