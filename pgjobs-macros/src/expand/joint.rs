//! Generates the function that the worker calls for a batch handler: it reads the arguments of all jobs, gets
//! the state, calls the task and says how each job ended.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::run::{injected, local};
use crate::model::{Param, Task};

pub(super) fn function(task: &Task) -> TokenStream {
    let pgjobs = task.library();
    let context = local("context");
    let states = task.params.iter().enumerate().filter_map(|(at, param)| state(task, &context, at, param));
    let (read, work, finish) = (read(task, &context), work(task), finish(task, &context));
    quote! {
        fn __run(mut #context: #pgjobs::define::JointContext) -> #pgjobs::define::JointFuture {
            ::std::boxed::Box::pin(async move {
                #read
                if #context.jobs().is_empty() {
                    return ::core::result::Result::Ok(());
                }
                #(#states)*
                #work
                #finish
            })
        }
    }
}

/// Reads the arguments of all jobs, and makes a `Vec` of each parameter.
fn read(task: &Task, context: &Ident) -> TokenStream {
    let (call, all, one) = (task.call(), local("all"), local("one"));
    let published: Vec<_> = task.params.iter().enumerate().filter(|(_, param)| param.is_argument()).collect();
    let lists: Vec<_> = published.iter().map(|(at, _)| list(*at)).collect();
    let fields: Vec<_> = published.iter().map(|(_, param)| &param.ident).collect();
    if lists.is_empty() {
        // Read nevertheless: a body with arguments does not fit.
        return quote!(#context.arguments::<#call>(););
    }
    quote! {
        let #all = #context.arguments::<#call>();
        #(let mut #lists = ::std::vec::Vec::with_capacity(#all.len());)*
        for #one in #all {
            #(#lists.push(#one.#fields);)*
        }
    }
}

fn list(at: usize) -> Ident {
    local(&format!("each_{at}"))
}

fn state(task: &Task, context: &Ident, at: usize, param: &Param) -> Option<TokenStream> {
    let (pgjobs, name, ty) = (task.library(), local(&format!("state_{at}")), param.state()?);
    Some(quote!(let #name = #pgjobs::__private::joint_state::<#ty>(&#context)?;))
}

/// The call, with the span of the user's function name: rustc reports there why the future is not `Send`.
fn work(task: &Task) -> TokenStream {
    let function = &task.function.sig.ident;
    let (span, returned) = (function.span(), local("returned"));
    let pgjobs = task.library_at(span);
    let values = task.params.iter().enumerate().map(|(at, param)| {
        let list = list(at);
        injected(task, at, param).unwrap_or_else(|| quote!(#list))
    });
    quote_spanned!(span=> let #returned = #pgjobs::__private::sendable(#function(#(#values),*)).await;)
}

/// The end, with the span of the returned type: rustc reports there why it says nothing of the jobs.
fn finish(task: &Task, context: &Ident) -> TokenStream {
    let ty = &task.returned;
    let (span, mut returned) = (ty.span(), local("returned"));
    returned.set_span(returned.span().located_at(span));
    let pgjobs = task.library_at(span);
    quote_spanned!(span=> #context.finish(<#ty as #pgjobs::define::IntoOutcomes>::into_outcomes(#returned)))
}
