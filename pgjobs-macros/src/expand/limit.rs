//! Generates the limits of a task, and what its arguments are when a body leaves them out.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use syn::ext::IdentExt;
use syn::{Expr, ExprUnary};

use crate::limit::{Kind, Limit};
use crate::model::{self, Param, Task};
use crate::table::ungrouped;

/// The constant expression for each limit; `None` without any.
pub(super) fn limits(task: &Task) -> Option<Vec<TokenStream>> {
    let pgjobs = task.library();
    let limits: Vec<TokenStream> =
        task.options.limits.iter().map(|(limit, _)| self::limit(&pgjobs, limit)).collect();
    (!limits.is_empty()).then_some(limits)
}

fn limit(pgjobs: &TokenStream, limit: &Limit) -> TokenStream {
    let key: Vec<String> = limit.key.iter().map(text).collect();
    let (key, rates) = (quote!(&[#(#key),*]), &limit.rates);
    let made = match limit.kind {
        Kind::Limit => quote!(new()),
        Kind::InOrder => quote!(in_order()),
        Kind::Fair => quote!(fair_by(#key)),
    };
    let number = |at: &crate::options::At<i64>| Literal::i64_unsuffixed(at.value);
    let steps = [
        limit.name.as_ref().map(|name| quote!(.name(#name))),
        (limit.kind != Kind::Fair && !limit.key.is_empty()).then(|| quote!(.key(#key))),
        limit.max.as_ref().map(number).map(|max| quote!(.max(#max))),
        (!rates.is_empty()).then(|| quote!(.rates(&[#(#rates),*]))),
        limit.burst.as_ref().map(number).map(|burst| quote!(.burst(#burst))),
        limit.cost.as_ref().map(text).map(|cost| quote!(.cost(#cost))),
        limit
            .on_dead
            .as_ref()
            .map(|on_dead| on_dead.expression(pgjobs))
            .map(|on_dead| quote!(.on_dead(#on_dead))),
    ];
    let steps = steps.into_iter().flatten();
    quote!(#pgjobs::define::TaskLimit::#made #(#steps)*)
}

/// What a body means that leaves out one of these arguments: where the macro can read it, and where a limit
/// needs to know.
pub(super) fn defaults(task: &Task) -> Option<Vec<TokenStream>> {
    let pgjobs = task.library();
    let defaults: Vec<TokenStream> =
        task.arguments().filter_map(|param| default(&pgjobs, task, param)).collect();
    (!defaults.is_empty()).then_some(defaults)
}

/// An expression that is not read may say something else in each process, as a time does: then workers would
/// declare the task anew, each in its own words.
fn default(pgjobs: &TokenStream, task: &Task, param: &Param) -> Option<TokenStream> {
    let model::Kind::Default(expr) = &param.kind else { return None };
    let (name, function) = (param.keyword(), param.default_fn());
    let is_shown = param.markers.sensitive.is_none() && (is_literal(expr) || is_needed(task, &name));
    is_shown.then(|| quote!((#name, || #pgjobs::__private::json(&Self::#function()))))
}

fn is_needed(task: &Task, name: &str) -> bool {
    task.options
        .limits
        .iter()
        .any(|(limit, _)| limit.key.iter().chain(&limit.cost).any(|of| text(of) == name))
}

fn is_literal(expr: &Expr) -> bool {
    match ungrouped(expr) {
        Expr::Lit(_) => true,
        Expr::Unary(ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => matches!(ungrouped(expr), Expr::Lit(_)),
        _ => false,
    }
}

fn text(name: &Ident) -> String {
    name.unraw().to_string()
}
