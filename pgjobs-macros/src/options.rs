//! Reads `#[task(…)]` into typed options, each with its source location.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Meta, Path, Token};

use crate::backoff::Backoff;
use crate::duration;
use crate::errors::Errors;
use crate::keep::Keep;
use crate::text::nearest;
use crate::validation::Validation;

const KNOWN: [&str; 10] =
    ["name", "aliases", "retries", "timeout", "priority", "backoff", "keep", "validate", "call", "crate"];

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
    pub(crate) priority: Option<At<i64>>,
    pub(crate) backoff: Option<At<Backoff>>,
    pub(crate) keep: Option<At<Keep>>,
    pub(crate) validation: Option<At<Validation>>,
    /// The name of the call's struct, if not the function's own.
    pub(crate) call: Option<Ident>,
    /// The path of the library, if not `::pgjobs`.
    library: Option<Path>,
}

impl Options {
    pub(crate) fn read(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut options = Options::default();
        let metas = Parser::parse2(|input: ParseStream<'_>| Ok(list(input, errors)), tokens);
        let mut seen: Vec<String> = Vec::new();
        for meta in errors.keep(metas).unwrap_or_default() {
            let name = crate::text::source(meta.path());
            if seen.contains(&name) {
                errors.add(meta.path(), format!("`{name}` is given twice; keep one"));
                continue;
            }
            let set = options.set(&name, &meta);
            errors.keep(set);
            seen.push(name);
        }
        options
    }

    /// The path of the library in generated code, with the span for errors.
    pub(crate) fn library(&self, at: Span) -> TokenStream {
        self.library.as_ref().map_or_else(|| quote_spanned!(at=> ::pgjobs), |path| quote!(#path))
    }

    fn set(&mut self, name: &str, meta: &Meta) -> syn::Result<()> {
        if !KNOWN.contains(&name) {
            return Err(unknown(name, meta));
        }
        let value = value(name, meta)?;
        match name {
            "name" => self.name = Some(string(value, "`name` takes a string: name = \"mail.welcome\"")?),
            "aliases" => self.aliases = strings(value)?,
            "retries" => self.retries = Some(integer(value, "`retries` takes a whole number: retries = 5")?),
            "timeout" => self.timeout = Some(timeout(value)?),
            "priority" => {
                self.priority = Some(integer(value, "`priority` takes a whole number: priority = 3")?)
            }
            "backoff" => self.backoff = Some(backoff(value)?),
            "keep" => self.keep = Some(keep(value)?),
            "validate" => self.validation = Some(validation(value)?),
            "call" => self.call = Some(ident(value)?),
            _ => self.library = Some(path(value)?),
        }
        Ok(())
    }
}

/// Continues after a mistake in one option, so that mistakes in later options are reported as well.
fn list(input: ParseStream<'_>, errors: &mut Errors) -> Vec<Meta> {
    let mut metas = Vec::new();
    while !input.is_empty() {
        metas.extend(errors.keep(input.parse::<Meta>()));
        while !input.is_empty() && !input.peek(Token![,]) {
            let _skipped = input.parse::<proc_macro2::TokenTree>();
        }
        let _comma = input.parse::<Token![,]>();
    }
    metas
}

fn unknown(name: &str, meta: &Meta) -> syn::Error {
    let hint = match nearest(name, &KNOWN) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the options are {}", KNOWN.map(|known| format!("`{known}`")).join(", ")),
    };
    syn::Error::new_spanned(meta.path(), format!("unknown option `{name}`; {hint}"))
}

fn value<'a>(name: &str, meta: &'a Meta) -> syn::Result<&'a Expr> {
    match meta {
        Meta::NameValue(meta) => Ok(ungrouped(&meta.value)),
        _ => Err(syn::Error::new_spanned(meta, format!("`{name}` takes a value: `{name} = …`"))),
    }
}

/// The expression without the invisible group in which a `macro_rules!` wraps its fragments.
pub(crate) fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        _ => expr,
    }
}

fn string(value: &Expr, form: &str) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.clone()),
        _ => Err(syn::Error::new_spanned(value, form)),
    }
}

fn strings(value: &Expr) -> syn::Result<Vec<LitStr>> {
    let form = "`aliases` takes a list of strings: aliases = [\"mail.hello\"]";
    match value {
        Expr::Array(array) => array.elems.iter().map(|element| string(ungrouped(element), form)).collect(),
        _ => Err(syn::Error::new_spanned(value, form)),
    }
}

/// A whole number with its sign, so that a range check can show what the user wrote.
fn integer(value: &Expr, form: &str) -> syn::Result<At<i64>> {
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

/// A string such as `"30s"`, or whole seconds.
fn timeout(value: &Expr) -> syn::Result<At<Duration>> {
    let text = match value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
            format!("{number}s")
        }
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            return Err(syn::Error::new(number.span(), format!("put the duration in quotes: \"{number}\"")));
        }
        _ => string(value, "`timeout` takes a string or whole seconds: timeout = \"30s\", timeout = 30")?
            .value(),
    };
    match duration::parse(&text) {
        Some(duration) => Ok(At { value: duration, source: value.clone() }),
        None => Err(syn::Error::new_spanned(value, duration::FORM)),
    }
}

fn backoff(value: &Expr) -> syn::Result<At<Backoff>> {
    parsed(value, "`backoff` takes a string: backoff = \"exponential(1s, 1h)\"", Backoff::parse)
}

fn keep(value: &Expr) -> syn::Result<At<Keep>> {
    parsed(value, "`keep` takes a string: keep = \"failed\"", Keep::parse)
}

fn validation(value: &Expr) -> syn::Result<At<Validation>> {
    parsed(value, "`validate` takes a string: validate = \"warn\"", Validation::parse)
}

/// A string in a specific format.
fn parsed<T>(value: &Expr, form: &str, parse: fn(&str) -> Result<T, String>) -> syn::Result<At<T>> {
    let text = string(value, form)?;
    match parse(&text.value()) {
        Ok(parsed) => Ok(At { value: parsed, source: value.clone() }),
        Err(reason) => Err(syn::Error::new(text.span(), reason)),
    }
}

fn path(value: &Expr) -> syn::Result<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        _ => Err(syn::Error::new_spanned(value, "`crate` takes a path: crate = my_crate::pgjobs")),
    }
}

fn ident(value: &Expr) -> syn::Result<Ident> {
    let form = "`call` takes the name of the call's struct: call = Welcome";
    let path = path(value).map_err(|_| syn::Error::new_spanned(value, form))?;
    path.get_ident().cloned().ok_or_else(|| syn::Error::new_spanned(value, form))
}
