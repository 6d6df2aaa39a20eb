//! Generates code for arguments that a call may leave out: a setter for each, and a function for its default.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, ExprLit, Lit};

use crate::docs;
use crate::model::{Kind, Param, Task};
use crate::table::ungrouped;
use crate::text::source;

pub(super) fn setter(task: &Task, param: &Param) -> Option<TokenStream> {
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
    let doc =
        docs::summary(&param.docs).unwrap_or_else(|| format!("Sets the argument `{}`.", param.keyword()));
    let doc = docs::attributes(&doc);
    Some(quote! {
        #doc
        #vis fn #ident(mut self, #ident: #taken) -> Self {
            self.#ident = #value;
            self
        }
    })
}

/// The parameter type of a setter, and its conversion to the field's type.
///
/// Numbers are not converted: with `impl Into<u64>` a plain `5` would be an `i32`, and refused.
fn conversion(ty: &syn::Type, ident: &Ident) -> (TokenStream, TokenStream) {
    const PLAIN: [&str; 16] = [
        "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize", "f32", "f64",
        "bool", "char",
    ];
    if PLAIN.contains(&&*source(ty)) {
        return (quote!(#ty), quote!(#ident));
    }
    (quote!(impl ::core::convert::Into<#ty>), quote!(::core::convert::Into::into(#ident)))
}

/// The same, and the type that it is converted to.
pub(super) fn converted(ty: &syn::Type, ident: &Ident) -> (TokenStream, TokenStream, TokenStream) {
    let (taken, value) = conversion(ty, ident);
    (taken, value, quote!(#ty))
}

/// The default as a function, for `new` and for reading a body without the argument.
pub(super) fn default(param: &Param) -> Option<TokenStream> {
    let Kind::Default(expr) = &param.kind else { return None };
    let (name, ty) = (param.default_fn(), &param.ty);
    let value = match ungrouped(expr) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            quote_spanned!(text.span()=> ::core::convert::From::from(#text))
        }
        other => quote!(#other),
    };
    Some(quote! {
        fn #name() -> #ty {
            #value
        }
    })
}
