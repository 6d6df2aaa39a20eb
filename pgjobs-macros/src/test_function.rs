//! `#[pgjobs::test]`: makes an `async fn` a test with a database of its own.
//!
//! It generates one function, which hands the user's to the library; all logic is there.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprPath, FnArg, Path, Type, Visibility};

use crate::errors::Errors;
use crate::options::library;
use crate::signature::Function;
use crate::table::{self, Row, once, value};
use crate::text::source;

const OPTIONS: &[Row<Options>] = &[
    once("setup", |options, meta, errors| options.setup = value(meta, errors, setup)),
    once("crate", |options, meta, errors| options.library = value(meta, errors, library)),
];

#[derive(Default)]
struct Options {
    /// The function that prepares the template.
    setup: Option<ExprPath>,
    /// The path of the library, if not `::pgjobs`.
    library: Option<Path>,
}

pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut read = Options::default();
    table::read(OPTIONS, options, &mut read, &mut errors);
    let function = errors.keep(Function::read(item.clone(), "test"));
    if let Some(function) = &function {
        check(function, &mut errors);
    }
    match (function, errors.into_compile_errors()) {
        (Some(function), None) => expand(function, &read),
        // With the function, so that what it uses is not reported as unused.
        (_, errors) => quote!(#errors #[allow(dead_code, unused_variables)] #item),
    }
}

fn setup(value: &Expr) -> syn::Result<ExprPath> {
    match value {
        Expr::Path(path) => Ok(path.clone()),
        _ => {
            Err(syn::Error::new_spanned(value, "`setup` takes the path of a function: setup = create_tables"))
        }
    }
}

fn check(function: &Function, errors: &mut Errors) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        errors.add(sig.fn_token, "a test of pgjobs awaits its database: make this an `async fn`");
    }
    if !sig.generics.params.is_empty() {
        errors.add(&sig.generics, "a test has no generic parameters");
    }
    for input in sig.inputs.iter().skip(1) {
        errors.add(input, "a test takes one argument, its database; everything else is reached from there");
    }
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => errors.add(receiver, "a test is no method: it takes its database"),
        Some(FnArg::Typed(input)) => match &*input.ty {
            Type::Reference(reference) if reference.mutability.is_some() => {
                errors.add(&input.ty, "a test takes its database by value or by `&`");
            }
            _ => {}
        },
        None => {}
    }
}

fn expand(mut function: Function, options: &Options) -> TokenStream {
    let attrs = std::mem::take(&mut function.attrs);
    let vis = std::mem::replace(&mut function.vis, Visibility::Inherited);
    let (name, output) = (function.sig.ident.clone(), function.sig.output.clone());
    let pgjobs = options.library.as_ref().map_or_else(|| quote!(::pgjobs), |path| quote!(#path));
    let setup = options
        .setup
        .as_ref()
        .map_or_else(|| quote!(::core::option::Option::None), |setup| self::setup_function(&pgjobs, setup));
    let db = Ident::new("db", Span::mixed_site());
    let argument = function.sig.inputs.first().map(|input| argument(&pgjobs, &db, input));
    quote! {
        #(#attrs)*
        #[::core::prelude::v1::test]
        #vis fn #name() #output {
            #function
            #pgjobs::testing::__private::run(#setup, async |#db| {
                let _ = &#db;
                #name(#argument).await
            })
        }
    }
}

/// The test's argument, with the span of its type: rustc reports there that it can be none.
fn argument(pgjobs: &TokenStream, db: &Ident, input: &FnArg) -> TokenStream {
    let FnArg::Typed(input) = input else { return TokenStream::new() };
    let (and, ty) = match &*input.ty {
        Type::Reference(reference) => (quote!(&), &*reference.elem),
        ty => (TokenStream::new(), ty),
    };
    quote_spanned!(ty.span()=> #and <#ty as #pgjobs::testing::__private::Argument>::of(&#db))
}

fn setup_function(pgjobs: &TokenStream, setup: &ExprPath) -> TokenStream {
    let (name, pool) = (source(setup), Ident::new("pool", Span::mixed_site()));
    // With the span of the path: rustc reports there that it is no such function.
    let call = quote_spanned!(setup.span()=> #pgjobs::testing::__private::prepared(#setup(&#pool).await));
    quote! {
        ::core::option::Option::Some(#pgjobs::testing::__private::Setup {
            name: ::core::concat!(::core::module_path!(), "::", #name),
            run: |#pool| ::std::boxed::Box::pin(async move { #call }),
        })
    }
}
