//! Generates the function that the worker calls: it reads the arguments, gets the state, calls the task and
//! returns its result.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Kind, Param, Task};

pub(super) fn function(task: &Task) -> TokenStream {
    let (pgjobs, call) = (task.library(), task.call());
    let context = local("context");
    let states = task.params.iter().enumerate().filter_map(|(at, param)| state(task, &context, at, param));
    let read = match task.arguments().next() {
        Some(_) => local("arguments").into_token_stream(),
        // Read nevertheless: a body with arguments does not fit.
        None => quote!(#call {}),
    };
    let (work, finish) = (work(task), finish(task, &context));
    quote! {
        fn __run(#context: #pgjobs::define::Context) -> #pgjobs::define::RunFuture {
            ::std::boxed::Box::pin(async move {
                let #read = #context.arguments::<#call>()?;
                #(#states)*
                #work
                #finish
            })
        }
    }
}

/// The call, with the span of the user's function name: rustc reports there why the future is not `Send`.
fn work(task: &Task) -> TokenStream {
    let function = &task.function.sig.ident;
    let (span, returned) = (function.span(), local("returned"));
    let pgjobs = task.library_at(span);
    let values = task.params.iter().enumerate().map(|(at, param)| value(task, at, param));
    quote_spanned!(span=> let #returned = #pgjobs::__private::sendable(#function(#(#values),*)).await;)
}

/// The end, with the span of the returned type: rustc reports there why it cannot be a result.
fn finish(task: &Task, context: &Ident) -> TokenStream {
    let ty = &task.returned;
    let (span, mut returned) = (ty.span(), local("returned"));
    returned.set_span(returned.span().located_at(span));
    let pgjobs = task.library_at(span);
    quote_spanned!(span=> #context.finish(<#ty as #pgjobs::define::IntoOutcome>::into_outcome(#returned)))
}

/// A name that cannot clash with a user's name.
pub(super) fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

fn state(task: &Task, context: &Ident, at: usize, param: &Param) -> Option<TokenStream> {
    let (pgjobs, name, ty) = (task.library(), local(&format!("state_{at}")), param.state()?);
    Some(quote!(let #name = #pgjobs::__private::state::<#ty>(&#context)?;))
}

fn value(task: &Task, at: usize, param: &Param) -> TokenStream {
    let (ident, arguments) = (&param.ident, local("arguments"));
    injected(task, at, param).unwrap_or_else(|| quote!(#arguments.#ident))
}

/// The value of an injected parameter.
pub(super) fn injected(task: &Task, at: usize, param: &Param) -> Option<TokenStream> {
    let (ty, state) = (&param.ty, local(&format!("state_{at}")));
    match param.kind {
        Kind::Borrowed(_) => Some(quote!(&#state)),
        Kind::Owned => {
            let pgjobs = task.library_at(ty.span());
            Some(quote_spanned!(ty.span()=> #pgjobs::__private::cloned::<#ty>(&#state)))
        }
        _ => None,
    }
}
