//! The `validate` option: `off`, `warn`, `strict`.

use proc_macro2::TokenStream;
use quote::quote;

const USAGE: &str = "`validate` is \"off\", \"warn\" or \"strict\"; it says what publishing does with arguments that do not fit";

/// What publishing does with arguments that do not fit.
#[derive(Debug, PartialEq)]
pub(crate) enum Validation {
    Off,
    Warn,
    Strict,
}

impl Validation {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Validation::Off),
            "warn" => Ok(Validation::Warn),
            "strict" => Ok(Validation::Strict),
            _ => Err(USAGE.into()),
        }
    }

    /// The constant expression for it.
    pub(crate) fn expression(&self, library: &TokenStream) -> TokenStream {
        let variant = match self {
            Validation::Off => quote!(Off),
            Validation::Warn => quote!(Warn),
            Validation::Strict => quote!(Strict),
        };
        quote!(#library::Validation::#variant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_words_are_read_and_no_others() {
        assert_eq!(Validation::parse("off"), Ok(Validation::Off));
        assert_eq!(Validation::parse(" warn "), Ok(Validation::Warn));
        assert_eq!(Validation::parse("strict"), Ok(Validation::Strict));
        for text in ["", "Off", "on", "strict, warn"] {
            assert!(Validation::parse(text).is_err(), "{text:?}");
        }
    }
}
