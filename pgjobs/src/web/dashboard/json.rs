//! JSON as a tree, each number as the database writes it: nothing is parsed into a number on the way.

use maud::{Markup, html};
use serde_json::value::RawValue;

/// Below so many levels, the text stays as it is.
const DEEPEST: usize = 24;
/// So many values are shown open; beyond, objects and arrays are closed.
const OPEN: usize = 60;
/// So many values at all; beyond, the text is shown as it is.
const MOST: usize = 3000;
/// A text longer than that is cut, with its length.
const LONGEST: usize = 4000;

/// A document as a tree.
pub(super) fn tree(json: &str) -> Markup {
    let mut left = MOST;
    html! { div.tree { (value(json, 0, &mut left)) } }
}

/// A document on several lines where it is small, otherwise as it is.
pub(super) fn text(json: &str) -> Markup {
    html! { pre tabindex="0" { (cut(json, 100_000)) } }
}

fn value(json: &str, depth: usize, left: &mut usize) -> Markup {
    *left = left.saturating_sub(1);
    let parts = if depth < DEEPEST && *left > 0 { parts(json) } else { None };
    let Some(parts) = parts else { return single(json) };
    let (open, close, one, many) =
        if json.starts_with('[') { ("[", "]", "item", "items") } else { ("{", "}", "field", "fields") };
    let is_open = MOST - *left < OPEN;
    html! {
        @if parts.is_empty() { (open) (close) } @else {
            details open[is_open] {
                summary { (open) " " span.ty { (parts.len()) " " @if parts.len() == 1 { (one) } @else { (many) } } }
                ul { @for (name, part) in &parts { li { span.k { (name) } ": " (value(part.get(), depth + 1, left)) } } }
                (close)
            }
        }
    }
}

fn single(json: &str) -> Markup {
    const HIDDEN: &str = "\"(sensitive)\"";
    html! {
        @match json.as_bytes().first() {
            _ if json == HIDDEN => { span.lit { "hidden" } span.ty { "#[sensitive], admin only" } }
            Some(b'"') => { span.str { (cut(json, LONGEST)) } }
            Some(b'-' | b'0'..=b'9') => { span.n { (json) } @if is_inexact(json) { span.ty { "exact" } } }
            Some(b'[' | b'{') => { span { (cut(json, LONGEST)) } }
            _ => { span.lit { (json) } }
        }
    }
}

/// Whether a number of JavaScript could not hold this one: the page says that it does.
fn is_inexact(number: &str) -> bool {
    number.bytes().filter(u8::is_ascii_digit).count() > 15
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((at, _)) => format!("{} … ({} bytes in all)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

/// The values of an array by number, or of an object by name; `None` for anything else.
fn parts(json: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    if json.starts_with('[') {
        let values: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
        return Some(values.into_iter().enumerate().map(|(nth, value)| (nth.to_string(), value)).collect());
    }
    if !json.starts_with('{') {
        return None;
    }
    let fields: std::collections::BTreeMap<String, Box<RawValue>> = serde_json::from_str(json).ok()?;
    Some(fields.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_is_lost_and_no_markup_gets_through() {
        let shown = tree(r#"{"id": 9007199254740993, "big": 1e400, "x": "<img src=x onerror=alert(1)>", "s": "(sensitive)"}"#).0;
        assert!(shown.contains("9007199254740993</span>") && shown.contains("1e400"), "{shown}");
        assert!(!shown.contains("<img") && shown.contains("&lt;img"), "{shown}");
        assert!(shown.contains("hidden") && !shown.contains("(sensitive)\""), "{shown}");
    }

    #[test]
    fn what_is_deep_wide_or_long_stays_bounded() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let wide = format!("[{}1]", "1,".repeat(100_000));
        let long = format!("\"{}\"", "é".repeat(100_000));
        assert!(tree(&deep).0.len() < 20_000, "{}", tree(&deep).0.len());
        assert!(tree(&long).0.len() < 20_000);
        assert!(tree(&wide).0.len() < 8_000_000);
    }
}
