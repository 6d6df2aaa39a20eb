//! Assertions on the types, with the spans of the user's code.
//!
//! Without these the same mistakes would be reported inside generated code.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::model::{Param, Task};

pub(super) fn assertions(task: &Task) -> TokenStream {
    let pgjobs = task.library();
    let params = task.params.iter().map(|param| assertion(&pgjobs, param));
    quote! {
        const _: fn() = || {
            #(#params)*
        };
    }
}

fn assertion(pgjobs: &TokenStream, param: &Param) -> TokenStream {
    let ty = param.state().unwrap_or(&param.ty);
    let ask = match (param.is_argument(), &param.markers.schema) {
        (true, None) => quote!(argument),
        (true, Some(_)) => quote!(described),
        (false, _) => quote!(injectable),
    };
    quote_spanned!(ty.span()=> #pgjobs::__private::#ask::<#ty>();)
}
