//! Escapes characters that a reader of source code would not see as text, or that change the order in which a
//! line is read: such text may come from anybody who can declare a task.
//!
//! What is escaped is what pgjobs escapes for a terminal: `tests/architecture` compares the two.

/// The text on one line, each character that is not only displayed replaced by its escape, such as `\u{1b}`.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|c| if is_shown(c) { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

/// A JSON document with the same meaning in which each character that is not only displayed is escaped. Such
/// characters occur only inside its strings.
pub(crate) fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        if is_shown(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        }
    }
    safe
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
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_no_text_is_escaped_and_letters_are_not() {
        assert_eq!(shown("Grüße, 世界\u{1b}\u{202e}\u{2028}"), "Grüße, 世界\\u{1b}\\u{202e}\\u{2028}");
    }

    #[test]
    fn an_escaped_document_means_the_same() {
        let value = Value::from("\u{7f}\u{202e}é\u{e0041}\n\u{1f600}");
        let escaped = json(&value.to_string());
        assert!(escaped.chars().all(is_shown) && escaped.contains('é'), "{escaped}");
        assert_eq!(serde_json::from_str::<Value>(&escaped).unwrap(), value);
    }
}
