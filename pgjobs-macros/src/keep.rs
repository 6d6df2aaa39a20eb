//! The `keep` option: `all`, `failed`, `none`.

use proc_macro2::TokenStream;
use quote::quote;

const FORM: &str = "`keep` is \"all\", \"failed\" or \"none\"; it says which ended jobs stay in history";

/// Which ended jobs stay in history.
#[derive(Debug, PartialEq)]
pub(crate) enum Keep {
    All,
    Failed,
    None,
}

impl Keep {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "all" => Ok(Keep::All),
            "failed" => Ok(Keep::Failed),
            "none" => Ok(Keep::None),
            _ => Err(FORM.into()),
        }
    }

    /// The constant expression for it.
    pub(crate) fn expression(&self, library: &TokenStream) -> TokenStream {
        let variant = match self {
            Keep::All => quote!(All),
            Keep::Failed => quote!(Failed),
            Keep::None => quote!(None),
        };
        quote!(#library::Keep::#variant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_words_are_read_and_no_others() {
        assert_eq!(Keep::parse("all"), Ok(Keep::All));
        assert_eq!(Keep::parse(" failed "), Ok(Keep::Failed));
        assert_eq!(Keep::parse("none"), Ok(Keep::None));
        for text in ["", "All", "success", "failed, cancelled"] {
            assert!(Keep::parse(text).is_err(), "{text:?}");
        }
    }
}
