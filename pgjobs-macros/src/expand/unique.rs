//! Generates the description of what makes a task's jobs one of a kind.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use crate::duration;
use crate::model::{Kind, Param, Task};
use crate::unique::{Unique, Until};

/// The constant expression for option `unique`; `None` without it.
pub(super) fn unique(task: &Task) -> Option<TokenStream> {
    let (unique, _) = task.options.unique.as_ref()?;
    let pgjobs = task.library();
    let key = key(task, unique);
    let names: Vec<String> = key.iter().map(|param| param.keyword()).collect();
    let defaults: Vec<TokenStream> = key.iter().filter_map(|param| default(&pgjobs, param)).collect();
    let on_conflict = unique.on_conflict.as_ref().map(|chosen| chosen.expression(&pgjobs));
    let steps = [
        (!defaults.is_empty()).then(|| quote!(.defaults(&[#(#defaults),*]))),
        unique.name.as_ref().map(|name| quote!(.name(#name))),
        unique.until.as_ref().map(|until| self::until(&pgjobs, until)),
        on_conflict.map(|on_conflict| quote!(.on_conflict(#on_conflict))),
        unique.wait.as_ref().map(|at| duration::expression(at.value)).map(|wait| quote!(.wait(#wait))),
        unique
            .max_wait
            .as_ref()
            .map(|at| duration::expression(at.value))
            .map(|wait| quote!(.max_wait(#wait))),
    ];
    let steps = steps.into_iter().flatten();
    Some(quote!(#pgjobs::define::TaskUnique::by(&[#(#names),*]) #(#steps)*))
}

/// The arguments of the key, in the order in which the user named them.
fn key<'t>(task: &'t Task, unique: &Unique) -> Vec<&'t Param> {
    let Some(names) = &unique.key else { return task.arguments().collect() };
    let named =
        |name: &syn::Ident| task.arguments().find(|param| param.keyword() == name.unraw().to_string());
    names.iter().filter_map(named).collect()
}

/// What a body without this argument means, for publishers that leave it out.
fn default(pgjobs: &TokenStream, param: &Param) -> Option<TokenStream> {
    let (name, function) = (param.keyword(), param.default_fn());
    matches!(param.kind, Kind::Default(_))
        .then(|| quote!((#name, || #pgjobs::__private::json(&Self::#function()))))
}

fn until(pgjobs: &TokenStream, until: &Until) -> TokenStream {
    let variant = match until {
        Until::Started => quote!(Started),
        Until::Ended => quote!(Ended),
        Until::After(at) => {
            let length = duration::expression(at.value);
            quote!(After(#length))
        }
    };
    quote!(.until(#pgjobs::Until::#variant))
}
