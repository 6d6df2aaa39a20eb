//! Reads durations in options: `250ms`, `30s`, `1h30m`.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

pub(crate) const FORM: &str = "a duration is a whole number and a unit (ms, s, m, h, \
     d), or several of them: \"250ms\", \"30s\", \"1h30m\"";

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a duration; `None` when it is malformed or too large.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (mut millis, mut rest) = part(text.trim())?;
    while !rest.is_empty() {
        let (more, after) = part(rest.trim_start())?;
        millis = millis.checked_add(more)?;
        rest = after;
    }
    Some(Duration::from_millis(millis))
}

/// The first number and unit in milliseconds, and what follows.
fn part(text: &str) -> Option<(u64, &str)> {
    let (digits, text) = split(text, |c| c.is_ascii_digit());
    let (unit, rest) = split(text, char::is_alphabetic);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some((digits.parse::<u64>().ok()?.checked_mul(*scale)?, rest))
}

fn split(text: &str, taken: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !taken(c)).unwrap_or(text.len()))
}

/// The constant expression for a duration.
pub(crate) fn expression(duration: Duration) -> TokenStream {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis % 1000 == 0 {
        let seconds = Literal::u64_unsuffixed(millis / 1000);
        return quote!(::core::time::Duration::from_secs(#seconds));
    }
    let millis = Literal::u64_unsuffixed(millis);
    quote!(::core::time::Duration::from_millis(#millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn other_notations_are_refused() {
        for text in [
            "",
            " ",
            "30",
            "s",
            "1.5s",
            "-1s",
            "1 h",
            "1w",
            "1hour",
            "99999999999999999999s",
            "999999999999999999d",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
