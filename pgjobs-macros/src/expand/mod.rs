//! Model → tokens: the function first and unchanged, then its call and its definition.
//!
//! Everything here can be written by hand; no logic is generated, only data and one function that
//! the worker calls.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::Task;

mod assert;
mod call;
mod definition;
mod optional;
mod run;

pub(crate) fn expand(task: &Task) -> TokenStream {
    let function = &task.function;
    let cfgs = function.cfgs();
    let items = [
        // First: what is wrong with a type is said in these words before all others.
        assert::assertions(task),
        call::structure(task),
        call::methods(task),
        definition::implementation(task),
        import(task),
        registration(task),
    ];
    let items = items.iter().map(|item| quote!(#cfgs #item));
    quote!(#function #(#items)*)
}

/// The type of the result, spanned like the returned type: rustc reports a wrong one once there,
/// however often it is named.
fn output(task: &Task) -> TokenStream {
    let span = task.returned.span();
    let pgjobs = task.library_at(span);
    quote_spanned!(span=> <Self as #pgjobs::Task>::Output)
}

/// `call.publish(…)` is there wherever the task is defined, or imported with `*`, without a line of the user's.
fn import(task: &Task) -> TokenStream {
    let (pgjobs, vis) = (task.library(), &task.function.vis);
    quote! {
        #[doc(hidden)]
        #vis use #pgjobs::Task as _;
    }
}

/// Leaves the definition where the registry finds it.
fn registration(task: &Task) -> TokenStream {
    let (pgjobs, call) = (task.library(), task.call());
    quote!(#pgjobs::__private::register!(<#call as #pgjobs::Task>::DEF);)
}
