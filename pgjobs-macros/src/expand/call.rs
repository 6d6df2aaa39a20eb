//! Generates the call: a struct whose fields are the arguments, and the functions that build and publish it.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::spanned::Spanned;

use super::{after, joint, optional, run};
use crate::docs;
use crate::model::{Kind, Param, Task};
use crate::text::source;

pub(super) fn structure(task: &Task) -> TokenStream {
    let (pgjobs, vis, call) = (task.library(), &task.function.vis, task.call());
    let serde_path = source(quote!(#pgjobs::__private::serde));
    let schemars_path = source(quote!(#pgjobs::__private::schemars));
    let closed = closed(task);
    let doc = docs::summary(&task.function.attrs)
        .unwrap_or_else(|| format!("A call of the task `{}`.", task.plain_name()));
    let doc = docs::attributes(&doc);
    let fields = task.arguments().map(|param| field(task, param));
    quote! {
        #doc
        #[must_use = "a call does nothing until it is published"]
        #[derive(
            #pgjobs::__private::serde::Serialize,
            #pgjobs::__private::serde::Deserialize,
            #pgjobs::__private::schemars::JsonSchema,
        )]
        #[serde(crate = #serde_path #closed)]
        #[schemars(crate = #schemars_path)]
        #vis struct #call { #(#fields),* }
    }
}

/// Unknown keywords do not bind, and the schema states this for publishers in other programs.
fn closed(task: &Task) -> Option<TokenStream> {
    let open = task.arguments().any(|param| matches!(param.kind, Kind::Kwargs));
    (!open).then(|| quote!(, deny_unknown_fields))
}

fn field(task: &Task, param: &Param) -> TokenStream {
    let Param { ident, ty, .. } = param;
    let (vis, docs, schema) = (&task.function.vis, field_docs(param), schema(param));
    let serde = match &param.kind {
        Kind::Default(_) => {
            let path = format!("{}::{}", task.call(), param.default_fn());
            quote!(#[serde(default = #path)])
        }
        Kind::Optional(_) => quote!(#[serde(default)]),
        Kind::Kwargs => quote!(#[serde(flatten)]),
        _ => TokenStream::new(),
    };
    let sensitive = param.markers.sensitive.as_ref().map(|_| quote!(#[schemars(extend("writeOnly" = true))]));
    quote!(#docs #schema #sensitive #serde #vis #ident: #ty)
}

/// The type that describes the argument, as an `Option` where the argument is one.
fn schema(param: &Param) -> Option<TokenStream> {
    let (attr, ty) = param.markers.schema.as_ref()?;
    let with = match param.kind {
        Kind::Optional(_) => source(quote!(::core::option::Option<#ty>)),
        _ => source(ty),
    };
    let with = LitStr::new(&with, attr.span());
    Some(quote!(#[schemars(with = #with)]))
}

/// The argument's own documentation, also in the schema; otherwise a line for rustdoc only.
fn field_docs(param: &Param) -> TokenStream {
    let docs = &param.docs;
    if !docs.is_empty() {
        return quote!(#(#docs)*);
    }
    let doc = docs::attributes(&format!("The argument `{}`.", param.keyword()));
    quote!(#doc #[schemars(description = "")])
}

pub(super) fn methods(task: &Task) -> TokenStream {
    let call = task.call();
    // The only lint that applies inside macros: the worker calls a deprecated task like any other.
    let deprecated = task.function.is_deprecated().then(|| quote!(#[allow(deprecated)]));
    let run = if task.is_batch_handler() { joint::function(task) } else { run::function(task) };
    let (new, publish, after) = (new(task), publish(task), after::function(task));
    let setters = task.arguments().filter_map(|param| optional::setter(task, param));
    let defaults = task.arguments().filter_map(optional::default);
    quote! {
        #deprecated
        impl #call {
            #new
            #publish
            #after
            #(#setters)*
            #(#defaults)*
            #run
        }
    }
}

fn new(task: &Task) -> TokenStream {
    let vis = &task.function.vis;
    let setters = if task.arguments().any(Param::has_setter) {
        "; arguments that may be absent have setters"
    } else {
        ""
    };
    let doc = docs::attributes(&format!("A call of `{}`{setters}.", task.plain_name()));
    let (params, allow) = (required(task), many(task));
    let fields = task.arguments().map(initial);
    quote! {
        #doc
        #allow
        #vis fn new(#(#params),*) -> Self {
            Self { #(#fields),* }
        }
    }
}

/// The required arguments as parameters.
fn required(task: &Task) -> impl Iterator<Item = TokenStream> {
    task.required().map(|Param { ident, ty, .. }| quote!(#ident: #ty))
}

/// `publish` has one parameter more than the function, which the user did not write.
fn many(task: &Task) -> Option<TokenStream> {
    (task.required().count() >= 7).then(|| quote!(#[allow(clippy::too_many_arguments)]))
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
    let doc = format!(
        "Publishes a call of `{}`: options chain on the returned value, `.await` sends it.",
        task.plain_name()
    );
    let doc = docs::attributes(&doc);
    let (params, allow) = (required(task), many(task));
    let publisher = Ident::new("publisher", Span::mixed_site());
    let (published, publish) = publication(task, &publisher);
    // `__P`, because an argument's type may be a user's type `P`.
    quote! {
        #doc
        #allow
        #vis fn publish<'c, __P: #pgjobs::Publisher<'c>>(#publisher: __P, #(#params),*) -> #published {
            #publish
        }
    }
}

/// The return type and the body of `publish`: both contain the result's type, so both have its span.
fn publication(task: &Task, publisher: &Ident) -> (TokenStream, TokenStream) {
    let (span, output) = (task.returned.span(), super::output(task));
    let pgjobs = task.library_at(span);
    let names = task.required().map(|param| &param.ident);
    let published = quote_spanned!(span=> #pgjobs::Publish<'c, __P, #output>);
    let publish = quote_spanned!(span=> #pgjobs::Task::publish(Self::new(#(#names),*), #publisher));
    (published, publish)
}
