//! The function as the user wrote it, and the attributes of its parameters.
//!
//! The body stays raw tokens: completion in an editor works in an incomplete body, and rustc reports its
//! mistakes.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Expr, ExprLit, FnArg, Lit, Meta, MetaNameValue, PatType, Signature, Type, Visibility};

use crate::errors::Errors;

/// A function; `markers` strips this macro's attributes from its parameters.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    body: TokenStream,
}

impl Function {
    /// Reads the function that an attribute of this name is on.
    pub(crate) fn read(item: TokenStream, attribute: &str) -> syn::Result<Self> {
        let whole = item.clone();
        let misplaced = format!("`#[{attribute}]` goes on an `async fn` with a body");
        syn::parse2(item).map_err(|_| syn::Error::new_spanned(first(whole), misplaced))
    }

    /// The `#[cfg]`s that all generated items repeat.
    pub(crate) fn cfgs(&self) -> TokenStream {
        let cfgs = self.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        quote!(#(#cfgs)*)
    }

    pub(crate) fn is_deprecated(&self) -> bool {
        self.attrs.iter().any(|attr| attr.path().is_ident("deprecated"))
    }

    /// Removes the markers from the parameters and returns both.
    pub(crate) fn markers(&mut self, errors: &mut Errors) -> Vec<(PatType, Markers)> {
        let typed = |input: &mut FnArg| match input {
            FnArg::Typed(input) => Some((Markers::take(&mut input.attrs, errors), input.clone())),
            FnArg::Receiver(_) => None,
        };
        self.sig.inputs.iter_mut().filter_map(typed).map(|(markers, input)| (input, markers)).collect()
    }
}

/// The first token of the item after its attributes: an error on more tokens would be too long.
fn first(item: TokenStream) -> TokenStream {
    let mut tokens = item.into_iter().peekable();
    while tokens.next_if(|token| token.to_string() == "#").is_some() {
        tokens.next();
    }
    tokens.take(1).collect()
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        if !input.peek(syn::token::Brace) {
            return Err(input.error("a body"));
        }
        Ok(Function { attrs, vis, sig, body: input.parse()? })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.append_all(&self.attrs);
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// The attributes of one parameter that belong to this macro.
#[derive(Default)]
pub(crate) struct Markers {
    pub(crate) inject: Option<Attribute>,
    pub(crate) default: Option<(Attribute, Expr)>,
    pub(crate) kwargs: Option<Attribute>,
    /// A batch handler takes the argument of each of its jobs.
    pub(crate) each: Option<Attribute>,
    /// In a workflow, the result of a parent fills it in.
    pub(crate) from: Option<Attribute>,
    /// The type that describes the argument's JSON, if not its own.
    pub(crate) schema: Option<(Attribute, Type)>,
    /// Pages and tools do not show the argument.
    pub(crate) sensitive: Option<Attribute>,
    /// rustc refuses documentation on a parameter; here it becomes the argument's documentation.
    pub(crate) docs: Vec<Attribute>,
}

impl Markers {
    fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> Self {
        let mut markers = Markers::default();
        let ours = attrs.extract_if(.., |attr| {
            ["inject", "default", "kwargs", "each", "from", "sensitive", "schemars", "doc"]
                .iter()
                .any(|name| attr.path().is_ident(name))
        });
        for attr in ours {
            let set = markers.set(attr, errors);
            errors.keep(set);
        }
        markers
    }

    /// A malformed attribute is recorded nevertheless, so that it causes no further errors.
    fn set(&mut self, attr: Attribute, errors: &mut Errors) -> syn::Result<()> {
        let twice = syn::Error::new_spanned(&attr, "given twice on one parameter; keep one");
        let first = if attr.path().is_ident("doc") {
            self.docs.push(attr);
            true
        } else if attr.path().is_ident("inject") {
            errors.keep(bare(&attr, "#[inject]"));
            self.inject.replace(attr).is_none()
        } else if attr.path().is_ident("kwargs") {
            errors.keep(bare(&attr, "#[kwargs]"));
            self.kwargs.replace(attr).is_none()
        } else if attr.path().is_ident("each") {
            errors.keep(bare(&attr, "#[each]"));
            self.each.replace(attr).is_none()
        } else if attr.path().is_ident("from") {
            errors.keep(bare(&attr, "#[from]"));
            self.from.replace(attr).is_none()
        } else if attr.path().is_ident("sensitive") {
            errors.keep(bare(&attr, "#[sensitive]"));
            self.sensitive.replace(attr).is_none()
        } else if attr.path().is_ident("schemars") {
            let ty = errors.keep(described(&attr)).unwrap_or(Type::Verbatim(TokenStream::new()));
            self.schema.replace((attr, ty)).is_none()
        } else {
            let expr = errors.keep(default(&attr)).unwrap_or(Expr::Verbatim(TokenStream::new()));
            self.default.replace((attr, expr)).is_none()
        };
        first.then_some(()).ok_or(twice)
    }
}

fn bare(attr: &Attribute, form: &str) -> syn::Result<()> {
    match attr.meta {
        Meta::Path(_) => Ok(()),
        _ => Err(syn::Error::new_spanned(attr, format!("`{form}` takes nothing; write it bare"))),
    }
}

fn described(attr: &Attribute) -> syn::Result<Type> {
    let form = "on an argument `#[schemars]` names the type that describes it, and nothing else: `#[schemars(with = \"String\")]`";
    let wrong = || syn::Error::new_spanned(attr, form);
    let pair: MetaNameValue = attr.parse_args().map_err(|_| wrong())?;
    match (&pair.path, &pair.value) {
        (path, Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if path.is_ident("with") => {
            text.parse().map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}

fn default(attr: &Attribute) -> syn::Result<Expr> {
    let form =
        "`#[default]` takes an expression in parentheses: `#[default(\"en\")]`, `#[default(Vec::new())]`";
    attr.parse_args().map_err(|_| syn::Error::new_spanned(attr, form))
}
