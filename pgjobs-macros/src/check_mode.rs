//! The `check` option: `off`, `warn`, `strict`.

use proc_macro2::TokenStream;
use quote::quote;

const FORM: &str =
    "`check` is \"off\", \"warn\" or \"strict\"; it says what publishing does with arguments that do not fit";

/// What publishing does with arguments that do not fit.
#[derive(Debug, PartialEq)]
pub(crate) enum CheckMode {
    Off,
    Warn,
    Strict,
}

impl CheckMode {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(CheckMode::Off),
            "warn" => Ok(CheckMode::Warn),
            "strict" => Ok(CheckMode::Strict),
            _ => Err(FORM.into()),
        }
    }

    /// The constant expression for it.
    pub(crate) fn expression(&self, library: &TokenStream) -> TokenStream {
        let variant = match self {
            CheckMode::Off => quote!(Off),
            CheckMode::Warn => quote!(Warn),
            CheckMode::Strict => quote!(Strict),
        };
        quote!(#library::Check::#variant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_words_are_read_and_no_others() {
        assert_eq!(CheckMode::parse("off"), Ok(CheckMode::Off));
        assert_eq!(CheckMode::parse(" warn "), Ok(CheckMode::Warn));
        assert_eq!(CheckMode::parse("strict"), Ok(CheckMode::Strict));
        for text in ["", "Off", "on", "strict, warn"] {
            assert!(CheckMode::parse(text).is_err(), "{text:?}");
        }
    }
}
