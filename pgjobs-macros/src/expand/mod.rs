//! Turns the model into tokens: the function first and unchanged, then its call and its definition.
//!
//! A user can write everything generated here by hand; it is no logic, only data and one function that the
//! worker calls.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::Task;

pub(crate) mod after;
mod assert;
mod call;
mod definition;
mod joint;
mod limit;
mod optional;
mod run;
mod schedule;
mod unique;

pub(crate) fn expand(task: &Task) -> TokenStream {
    let function = &task.function;
    let cfgs = function.cfgs();
    let items = [
        // First, so that the compiler reports a wrong type with these messages before all others.
        assert::assertions(task),
        call::structure(task),
        call::methods(task),
        definition::implementation(task),
        import(task),
        registration(task),
    ];
    let items = items.into_iter().chain(after::items(task));
    let items = items.map(|item| quote!(#cfgs #item));
    quote!(#function #(#items)*)
}

/// The type of the result, with the span of the returned type: rustc then reports a wrong one there once,
/// however often it occurs.
fn output(task: &Task) -> TokenStream {
    let span = task.returned.span();
    let pgjobs = task.library_at(span);
    quote_spanned!(span=> <Self as #pgjobs::Task>::Output)
}

/// Imports the trait, so that `call.publish(…)` works wherever the task is defined or imported with `*`,
/// without an import by the user.
fn import(task: &Task) -> TokenStream {
    let (pgjobs, vis) = (task.library(), &task.function.vis);
    quote! {
        #[doc(hidden)]
        #vis use #pgjobs::Task as _;
    }
}

/// Registers the definition.
fn registration(task: &Task) -> TokenStream {
    let (pgjobs, call) = (task.library(), task.call());
    quote!(#pgjobs::__private::register!(<#call as #pgjobs::Task>::DEF);)
}
