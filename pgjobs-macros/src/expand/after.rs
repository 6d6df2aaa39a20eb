//! Generates the call with arguments left open, for the edges of workflows: `after`, and where other arguments
//! may be absent a type with their setters.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::optional;
use crate::docs;
use crate::model::{Kind, Param, Task};

/// The arguments that edges fill in: those with `#[from]`, else the first.
pub(crate) fn open(task: &Task) -> Vec<&Param> {
    let named: Vec<&Param> = task.arguments().filter(|param| param.markers.from.is_some()).collect();
    let may_be = |param: &&Param| !matches!(param.kind, Kind::Kwargs);
    if named.is_empty() { task.arguments().find(may_be).into_iter().collect() } else { named }
}

/// Their type as one: a tuple where there are several.
pub(crate) fn type_of(pgjobs: &TokenStream, open: &[&Param]) -> TokenStream {
    let types: Vec<TokenStream> = open.iter().map(|param| given(param)).collect();
    match &types[..] {
        [one] => one.clone(),
        several => quote!(#pgjobs::__private::Args<(#(#several),*)>),
    }
}

/// What an edge gives.
fn given(param: &Param) -> TokenStream {
    let ty = &param.ty;
    quote_spanned!(ty.span()=> #ty)
}

/// The other arguments.
fn others<'t>(task: &'t Task, open: &[&Param]) -> Vec<&'t Param> {
    let is_open = |param: &&Param| open.iter().any(|other| other.ident == param.ident);
    task.arguments().filter(|param| !is_open(param)).collect()
}

fn setters(task: &Task, open: &[&Param]) -> Vec<TokenStream> {
    others(task, open).into_iter().filter_map(|param| setter(task, param)).collect()
}

/// The type that has the setters.
fn open_type(task: &Task) -> Ident {
    let call = task.call();
    format_ident!("__{}_after", call.unraw(), span = call.span())
}

/// The function `after`; none for a task without arguments.
pub(super) fn function(task: &Task) -> Option<TokenStream> {
    let open = open(task);
    if open.is_empty() {
        return None;
    }
    let (pgjobs, vis) = (task.library(), &task.function.vis);
    let names = open.iter().map(|param| param.keyword());
    let doc = docs::attributes(&format!(
        "A call of `{}` without `{}`, for a workflow: another node gives it.",
        task.plain_name(),
        open.iter().map(|param| param.keyword()).collect::<Vec<_>>().join("`, `")
    ));
    let rest = others(task, &open);
    let params = rest.iter().filter(|param| matches!(param.kind, Kind::Required));
    let params = params.map(|Param { ident, ty, .. }| quote!(#ident: #ty));
    let given = rest.iter().filter_map(|param| initial(param));
    let ty = type_of(&pgjobs, &open);
    let after = quote!(#pgjobs::__private::After<Self, #ty>);
    let made = quote!(#pgjobs::__private::After::open_call(&[#(#names),*]) #(#given)*);
    let (returned, made) = match setters(task, &open).is_empty() {
        true => (after, made),
        false => {
            let name = open_type(task);
            (quote!(#name), quote!(#name(#made)))
        }
    };
    let allow = (task.required().count() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    Some(quote! {
        #doc
        #allow
        #vis fn after(#(#params),*) -> #returned {
            #made
        }
    })
}

/// What is given from the start.
fn initial(param: &Param) -> Option<TokenStream> {
    let (keyword, ident, default) = (param.keyword(), &param.ident, param.default_fn());
    match &param.kind {
        Kind::Required => Some(quote!(.with(#keyword, &#ident))),
        Kind::Default(_) => Some(quote!(.with(#keyword, &Self::#default()))),
        _ => None,
    }
}

/// The type with the setters, where there are any.
pub(super) fn items(task: &Task) -> Vec<TokenStream> {
    let open = open(task);
    let setters = setters(task, &open);
    if open.is_empty() || setters.is_empty() {
        return Vec::new();
    }
    let (pgjobs, vis, call, name) = (task.library(), &task.function.vis, task.call(), open_type(task));
    let ty = type_of(&pgjobs, &open);
    let deprecated = task.function.is_deprecated().then(|| quote!(#[allow(deprecated)]));
    let structure = quote! {
        #[doc(hidden)]
        #[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
        #deprecated
        #vis struct #name(#pgjobs::__private::After<#call, #ty>);
    };
    let methods = quote! {
        #deprecated
        impl #name {
            #(#setters)*
        }
    };
    let implementation = quote! {
        #[automatically_derived]
        #deprecated
        impl #pgjobs::__private::Open for #name {
            type Call = #call;
            type In = #ty;
            fn open(self) -> #pgjobs::__private::After<#call, #ty> {
                self.0
            }
        }
    };
    vec![structure, methods, implementation]
}

fn setter(task: &Task, param: &Param) -> Option<TokenStream> {
    let (vis, ident, keyword) = (&task.function.vis, &param.ident, param.keyword());
    let (taken, value, ty) = match &param.kind {
        Kind::Default(_) => optional::converted(&param.ty, ident),
        Kind::Optional(inner) => optional::converted(inner, ident),
        Kind::Kwargs => {
            let ty = &param.ty;
            return Some(quote! {
                /// Sets the keywords left over.
                #vis fn #ident(self, #ident: #ty) -> Self {
                    Self(self.0.with_all(&#ident))
                }
            });
        }
        _ => return None,
    };
    let doc = docs::attributes(&format!("Sets the argument `{keyword}`."));
    Some(quote! {
        #doc
        #vis fn #ident(self, #ident: #taken) -> Self {
            let #ident: #ty = #value;
            Self(self.0.with(#keyword, &#ident))
        }
    })
}
