//! Generates the output after a mistake: the user's function and a call type with the same interface, so that
//! the compiler reports only the mistake.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Type};

use crate::check;
use crate::errors::Errors;
use crate::expand::after::{open, type_of};
use crate::model::{Param, Task};
use crate::text::source;

/// An item that is not a function: it stays unchanged.
pub(crate) fn item(item: &TokenStream, errors: Errors) -> TokenStream {
    let errors = errors.into_compile_errors();
    quote!(#item #errors)
}

pub(crate) fn task(task: &Task, errors: &TokenStream) -> TokenStream {
    let function = &task.function;
    // A method: its impl cannot contain any other item beside it.
    if let Some(FnArg::Receiver(_)) = function.sig.inputs.first() {
        return quote!(#function #errors);
    }
    let cfgs = function.cfgs();
    let items = [structure(task), methods(task), implementation(task)];
    let items = items.iter().map(|item| quote!(#cfgs #item));
    quote!(#function #errors #(#items)*)
}

fn structure(task: &Task) -> TokenStream {
    let (pgjobs, vis, call) = (task.library(), &task.function.vis, task.call());
    let serde_path = source(quote!(#pgjobs::__private::serde));
    quote! {
        #[derive(#pgjobs::__private::serde::Serialize)]
        #[serde(crate = #serde_path)]
        #vis struct #call {}
    }
}

/// Takes as many arguments as the function's own call would.
fn methods(task: &Task) -> TokenStream {
    let (pgjobs, vis, call) = (task.library(), &task.function.vis, task.call());
    let required: Vec<_> = task.required().map(|param| taken(task, &param.ty)).collect();
    let setters = task.arguments().filter_map(|param| setter(task, param));
    let after = after(task);
    quote! {
        impl #call {
            #vis fn new(#(_: #required),*) -> Self {
                Self {}
            }
            #vis fn publish<'c, __P: #pgjobs::Publisher<'c>>(
                publisher: __P,
                #(_: #required),*
            ) -> #pgjobs::Publish<'c, __P, <Self as #pgjobs::Task>::Output> {
                #pgjobs::Task::publish(Self {}, publisher)
            }
            #after
            #(#setters)*
        }
    }
}

/// The call with arguments left open, of the same types: of any type where one cannot be written in a separate
/// `impl`.
fn after(task: &Task) -> Option<TokenStream> {
    let open = open(task);
    if open.is_empty() || !task.function.sig.generics.params.is_empty() {
        return None;
    }
    let (pgjobs, vis) = (task.library(), &task.function.vis);
    let is_open = |param: &&Param| open.iter().any(|other| other.ident == param.ident);
    let others = task.required().filter(|param| !is_open(param)).map(|param| &param.ty);
    let (generics, ty) = if open.iter().all(|param| check::is_fit(&param.ty)) {
        (quote!(), type_of(&pgjobs, &open))
    } else {
        (quote!(<__From>), quote!(__From))
    };
    Some(quote! {
        #vis fn after #generics(#(_: #others),*) -> #pgjobs::__private::After<Self, #ty> {
            #pgjobs::__private::After::open_call(&[])
        }
    })
}

/// The type itself, so that type inference still works; any type where it may name a generic parameter of the
/// function.
fn taken(task: &Task, ty: &Type) -> TokenStream {
    if task.function.sig.generics.params.is_empty() {
        quote!(#ty)
    } else {
        quote!(impl ::core::marker::Sized)
    }
}

fn setter(task: &Task, param: &Param) -> Option<TokenStream> {
    if ["new", "publish", "after"].iter().any(|taken| param.ident == taken) || !param.has_setter() {
        return None;
    }
    let (vis, ident) = (&task.function.vis, &param.ident);
    Some(quote! {
        #vis fn #ident(self, _: impl ::core::marker::Sized) -> Self {
            self
        }
    })
}

fn implementation(task: &Task) -> TokenStream {
    let (pgjobs, call, returned) = (task.library(), task.call(), &task.returned);
    let sig = &task.function.sig;
    let fit = sig.asyncness.is_some() && sig.generics.params.is_empty() && check::is_fit(returned);
    let output = if fit {
        let outcome = task.outcome();
        quote_spanned!(returned.span()=> <#returned as #pgjobs::define::#outcome>::Output)
    } else {
        quote!(())
    };
    quote! {
        impl #pgjobs::Task for #call {
            type Output = #output;
            const DEF: &'static #pgjobs::define::TaskDef = ::core::panic!("this task does not compile");
        }
    }
}
