//! The call: a struct whose fields are the arguments, and the ways to build and publish it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit};

use super::run;
use crate::docs;
use crate::model::{Kind, Param, Task};
use crate::options::ungrouped;
use crate::text::source;

pub(super) fn structure(task: &Task) -> TokenStream {
    let (pgjobs, vis, call) = (task.library(), &task.function.vis, task.call());
    let serde_path = source(quote!(#pgjobs::__private::serde));
    let schemars_path = source(quote!(#pgjobs::__private::schemars));
    let closed = closed(task);
    let doc = docs::summary(&task.function.attrs).unwrap_or_else(|| format!("A call of the task `{}`.", task.plain_name()));
    let doc = docs::attributes(&doc);
    let fields = task.arguments().map(|param| field(task, param));
    quote! {
        #doc
        #[must_use = "a call does nothing until it is published"]
        #[allow(clippy::all, clippy::pedantic, clippy::nursery, missing_docs, non_camel_case_types, unreachable_pub)]
        #[derive(#pgjobs::__private::serde::Serialize, #pgjobs::__private::serde::Deserialize, #pgjobs::__private::schemars::JsonSchema)]
        #[serde(crate = #serde_path #closed)]
        #[schemars(crate = #schemars_path)]
        #vis struct #call { #(#fields),* }
    }
}

/// Unknown keywords do not bind, and the schema says so to those who publish from elsewhere.
fn closed(task: &Task) -> Option<TokenStream> {
    let open = task.arguments().any(|param| matches!(param.kind, Kind::Kwargs));
    (!open).then(|| quote!(, deny_unknown_fields))
}

fn field(task: &Task, param: &Param) -> TokenStream {
    let Param { ident, ty, docs, .. } = param;
    let vis = &task.function.vis;
    let serde = match &param.kind {
        Kind::Default(_) => {
            let path = format!("{}::{}", task.call(), param.default_fn());
            quote!(#[serde(default = #path)])
        }
        Kind::Optional(_) => quote!(#[serde(default)]),
        Kind::Kwargs => quote!(#[serde(flatten)]),
        _ => TokenStream::new(),
    };
    quote!(#(#docs)* #serde #vis #ident: #ty)
}

pub(super) fn methods(task: &Task) -> TokenStream {
    let call = task.call();
    let (new, publish, run) = (new(task), publish(task), run::function(task));
    let setters = task.arguments().filter_map(|param| setter(task, param));
    let defaults = task.arguments().filter_map(default);
    quote! {
        #[allow(clippy::all, clippy::pedantic, clippy::nursery, dead_code, deprecated, unreachable_pub)]
        impl #call {
            #new
            #publish
            #(#setters)*
            #(#defaults)*
            #run
        }
    }
}

fn new(task: &Task) -> TokenStream {
    let vis = &task.function.vis;
    let setters = if task.arguments().any(Param::has_setter) { "; arguments that may be absent have setters" } else { "" };
    let doc = docs::attributes(&format!("A call of `{}`{setters}.", task.plain_name()));
    let params = task.required().map(|Param { ident, ty, .. }| quote!(#ident: #ty));
    let fields = task.arguments().map(initial);
    quote! {
        #doc
        #vis fn new(#(#params),*) -> Self {
            Self { #(#fields),* }
        }
    }
}

fn initial(param: &Param) -> TokenStream {
    let (ident, default) = (&param.ident, param.default_fn());
    match &param.kind {
        Kind::Default(_) => quote!(#ident: Self::#default()),
        Kind::Optional(_) => quote!(#ident: ::core::option::Option::None),
        Kind::Kwargs => {
            let ty = &param.ty;
            quote_spanned!(ty.span()=> #ident: <#ty as ::core::default::Default>::default())
        }
        _ => quote!(#ident),
    }
}

fn publish(task: &Task) -> TokenStream {
    let (pgjobs, vis) = (task.library(), &task.function.vis);
    let doc = format!("Publishes a call of `{}`: options chain on the returned value, `.await` sends it.", task.plain_name());
    let doc = docs::attributes(&doc);
    let params = task.required().map(|Param { ident, ty, .. }| quote!(#ident: #ty));
    let names = task.required().map(|param| &param.ident);
    // `__P`: an argument may have a type of the user's that is called `P`.
    quote! {
        #doc
        #vis fn publish<'c, __P: #pgjobs::Publisher<'c>>(publisher: __P, #(#params),*) -> #pgjobs::Publish<'c, __P, Self> {
            #pgjobs::Task::publish(Self::new(#(#names),*), publisher)
        }
    }
}

fn setter(task: &Task, param: &Param) -> Option<TokenStream> {
    let Param { ident, ty, .. } = param;
    let (taken, value) = match &param.kind {
        Kind::Default(_) => conversion(ty, ident),
        Kind::Optional(inner) => {
            let (taken, value) = conversion(inner, ident);
            (taken, quote!(::core::option::Option::Some(#value)))
        }
        Kind::Kwargs => (quote!(#ty), quote!(#ident)),
        _ => return None,
    };
    let vis = &task.function.vis;
    let doc = docs::summary(&param.docs).unwrap_or_else(|| format!("Sets the argument `{}`.", param.keyword()));
    let doc = docs::attributes(&doc);
    Some(quote! {
        #doc
        #vis fn #ident(mut self, #ident: #taken) -> Self {
            self.#ident = #value;
            self
        }
    })
}

/// What a setter takes and how it becomes the field.
///
/// Numbers are taken as they are: with `impl Into<u64>` a plain `5` would be an `i32`, and refused.
fn conversion(ty: &syn::Type, ident: &syn::Ident) -> (TokenStream, TokenStream) {
    const PLAIN: [&str; 16] = [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64", "bool", "char",
    ];
    if PLAIN.contains(&&*source(ty)) {
        return (quote!(#ty), quote!(#ident));
    }
    (quote!(impl ::core::convert::Into<#ty>), quote!(::core::convert::Into::into(#ident)))
}

/// The default as a function, for `new` and for reading a body without the argument.
fn default(param: &Param) -> Option<TokenStream> {
    let Kind::Default(expr) = &param.kind else { return None };
    let (name, ty) = (param.default_fn(), &param.ty);
    let value = match ungrouped(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => quote_spanned!(text.span()=> ::core::convert::From::from(#text)),
        other => quote!(#other),
    };
    Some(quote! {
        fn #name() -> #ty {
            #value
        }
    })
}
