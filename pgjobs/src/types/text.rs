//! Escapes untrusted text for a terminal, a log or a table.
//!
//! Text that a task, a client or an operator wrote into the database may contain escape sequences that clear
//! a screen, line breaks that forge a log line, and marks that reverse the order of letters. Each such
//! character is replaced by its escape, such as `\u{1b}`; letters of every script, with their accents and
//! spaces, stay unchanged.

use std::borrow::Cow;
use std::fmt::Write;

/// The text on one line, without any character that has an effect other than being displayed.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push(&mut safe, c));
    Cow::Owned(safe)
}

/// Appends a character, escaped if necessary.
pub(crate) fn push(text: &mut String, c: char) {
    if is_shown(c) {
        text.push(c);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(text, "\\u{{{:x}}}", u32::from(c));
    }
}

/// Whether a character is only displayed: not a control, format, bidirectional, separator, unassigned or
/// private-use character.
pub(crate) fn is_shown(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\0'..='\u{9f}' | '\u{2028}' | '\u{2029}' => false,
        // Of zero width, though Unicode classifies them as letters or marks.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{ffa0}' => false,
        c => c.is_whitespace() || is_printable(c),
    }
}

/// Unicode's classification, as the standard library implements it: it leaves accents unescaped only after
/// another letter.
fn is_printable(c: char) -> bool {
    let mut letters = [b'a'; 5];
    let length = 1 + c.encode_utf8(&mut letters[1..]).len();
    std::str::from_utf8(&letters[..length]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_what_is_read_is_not() {
        for (c, name) in [
            ('\0', "0"),
            ('\t', "9"),
            ('\n', "a"),
            ('\r', "d"),
            ('\u{1b}', "1b"),
            ('\u{7f}', "7f"),
            ('\u{85}', "85"),
            ('\u{9b}', "9b"),
            ('\u{ad}', "ad"),
            ('\u{61c}', "61c"),
            ('\u{180e}', "180e"),
            ('\u{200b}', "200b"),
            ('\u{200d}', "200d"),
            ('\u{200f}', "200f"),
            ('\u{2028}', "2028"),
            ('\u{2029}', "2029"),
            ('\u{202e}', "202e"),
            ('\u{2060}', "2060"),
            ('\u{2069}', "2069"),
            ('\u{3164}', "3164"),
            ('\u{feff}', "feff"),
            ('\u{fff9}', "fff9"),
            ('\u{e000}', "e000"),
            ('\u{e0041}', "e0041"),
            ('\u{10ffff}', "10ffff"),
        ] {
            assert_eq!(shown(&format!("a{c}b")), format!("a\\u{{{name}}}b"));
        }
        for text in
            ["plain", "Grüße, 世界 🎉", "e\u{301}", "हिन्दी", "\u{a0}: \u{3000}", "❤\u{fe0f}", r"C:\a 'b' \"]
        {
            assert!(matches!(shown(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
