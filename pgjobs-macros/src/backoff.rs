//! The `backoff` option: `fixed(5s)`, `linear(10s)`, `exponential(1s, 1h)`.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use crate::duration;

const FORM: &str = "a backoff is \"fixed(5s)\", \"linear(10s)\" or \"exponential(1s, 1h)\"";

/// The growth of the delay with each failure.
#[derive(Debug, PartialEq)]
pub(crate) enum Backoff {
    Fixed(Duration),
    Linear(Duration),
    Exponential(Duration, Duration),
}

impl Backoff {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.trim().split_once('(').ok_or(FORM)?;
        let inside = rest.strip_suffix(')').ok_or(FORM)?;
        let read = |text: &str| {
            duration::parse(text).ok_or_else(|| format!("`{}`: {}", text.trim(), duration::FORM))
        };
        let delays = inside.split(',').map(read).collect::<Result<Vec<_>, _>>();
        match (kind.trim_end(), &*delays?) {
            ("fixed", [delay]) => Ok(Backoff::Fixed(*delay)),
            ("linear", [step]) => Ok(Backoff::Linear(*step)),
            ("exponential", [first, max]) if first > max => {
                Err("the first delay is longer than the longest; write exponential(first, max)".into())
            }
            ("exponential", [first, max]) => Ok(Backoff::Exponential(*first, *max)),
            _ => Err(FORM.into()),
        }
    }

    /// The constant expression for it.
    pub(crate) fn expression(&self, library: &TokenStream) -> TokenStream {
        let (constructor, delays) = match self {
            Backoff::Fixed(delay) => (quote!(fixed), vec![delay]),
            Backoff::Linear(step) => (quote!(linear), vec![step]),
            Backoff::Exponential(first, max) => (quote!(exponential), vec![first, max]),
        };
        let delays = delays.into_iter().map(|delay| duration::expression(*delay));
        quote!(#library::Backoff::#constructor(#(#delays),*))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_notations_are_read() {
        let secs = Duration::from_secs;
        assert_eq!(Backoff::parse("fixed(5s)"), Ok(Backoff::Fixed(secs(5))));
        assert_eq!(Backoff::parse(" linear( 10s )"), Ok(Backoff::Linear(secs(10))));
        assert_eq!(Backoff::parse("exponential(1s, 1h)"), Ok(Backoff::Exponential(secs(1), secs(3600))));
    }

    #[test]
    fn other_notations_are_refused() {
        for text in
            ["", "exponential", "cubic(1s)", "fixed()", "fixed(1s, 2s)", "fixed(1s", "exponential(1h, 1s)"]
        {
            assert!(Backoff::parse(text).is_err(), "{text:?}");
        }
    }
}
