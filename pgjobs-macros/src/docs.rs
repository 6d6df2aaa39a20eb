//! Reads documentation comments, which are attributes to a macro.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// One line of documentation: text, or an expression such as `include_str!(…)`.
enum Line {
    Text(String),
    Other(Expr),
}

fn lines(attrs: &[Attribute]) -> Vec<Line> {
    attrs.iter().filter_map(line).collect()
}

fn line(attr: &Attribute) -> Option<Line> {
    let Meta::NameValue(meta) = &attr.meta else { return None };
    if !meta.path.is_ident("doc") {
        return None;
    }
    Some(match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let text = text.value();
            Line::Text(text.strip_prefix(' ').unwrap_or(&text).trim_end().to_owned())
        }
        other => Line::Other(other.clone()),
    })
}

/// The whole documentation as one `&'static str` expression.
pub(crate) fn whole(attrs: &[Attribute]) -> TokenStream {
    let lines = lines(attrs);
    let text: Option<Vec<&str>> = lines
        .iter()
        .map(|line| if let Line::Text(text) = line { Some(text.as_str()) } else { None })
        .collect();
    if let Some(text) = text {
        return text.join("\n").trim().to_token_stream();
    }
    let pieces = lines.iter().map(|line| match line {
        Line::Text(text) => quote!(#text),
        Line::Other(expr) => quote!(#expr),
    });
    quote!(::core::concat!(#(#pieces, "\n"),*))
}

/// The first paragraph, for the items beside the function.
///
/// Only that: rustdoc would run an example further down again for each copy.
pub(crate) fn summary(attrs: &[Attribute]) -> Option<String> {
    let text: Vec<String> = lines(attrs)
        .into_iter()
        .map_while(|line| if let Line::Text(text) = line { Some(text) } else { None })
        .skip_while(String::is_empty)
        .take_while(|text| !text.is_empty() && !text.trim_start().starts_with("```"))
        .collect();
    (!text.is_empty()).then(|| text.join("\n"))
}

/// Text as documentation comments.
pub(crate) fn attributes(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| format!(" {line}"));
    quote!(#(#[doc = #lines])*)
}
