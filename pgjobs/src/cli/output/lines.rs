//! Lines of output.
//!
//! Text reaches stdout and stderr through this module. Each line passes [`crate::types::text`], which escapes
//! everything that a terminal would act on; a line break remains only where this module makes one.

use crate::types::text;

/// Lines of output, not yet safe; `print` makes them safe.
pub(crate) struct Lines(Vec<Line>);

/// A line in pieces. The colour of a piece is kept beside its text, so no text can set a colour.
pub(crate) struct Line(Vec<Piece>);

struct Piece {
    style: Option<Style>,
    text: String,
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Line(vec![Piece { style: None, text }])
    }
}

impl Line {
    /// A line that begins with a text in a colour.
    pub(crate) fn painted(style: Style, text: &str) -> Self {
        Line::from(String::new()).paint(style, text)
    }

    /// Appends a text in a colour.
    pub(crate) fn paint(mut self, style: Style, text: &str) -> Self {
        self.0.push(Piece { style: Some(style), text: text.to_owned() });
        self
    }

    /// Appends a text without a colour.
    pub(crate) fn plain(mut self, text: &str) -> Self {
        self.0.push(Piece { style: None, text: text.to_owned() });
        self
    }

    fn print(&self, printed: &mut String, colored: bool) {
        for piece in &self.0 {
            let text = text::shown(&piece.text);
            match piece.style.filter(|_| colored) {
                Some(style) => printed.push_str(&format!("\x1b[{}m{text}\x1b[0m", style.code())),
                None => printed.push_str(&text),
            }
        }
    }
}

impl<L: Into<Line>> From<Vec<L>> for Lines {
    fn from(lines: Vec<L>) -> Self {
        Lines(lines.into_iter().map(Into::into).collect())
    }
}

impl From<String> for Lines {
    /// One line, whatever the text holds.
    fn from(line: String) -> Self {
        Lines::from(vec![line])
    }
}

impl Lines {
    /// The printed text: each line with its end, with colours or without.
    pub(crate) fn print(&self, colored: bool) -> String {
        let mut printed = String::new();
        for line in &self.0 {
            line.print(&mut printed, colored);
            printed.push('\n');
        }
        printed
    }
}

/// The lines of a text, all but the first indented, so that they cannot be taken for lines of pgjobs.
pub(crate) fn indented(text: &str, width: usize) -> Vec<String> {
    let lines = text.trim_end().lines().map(|line| line.replace('\t', "    "));
    let lines = lines.enumerate().map(|(nth, line)| match nth {
        0 => line,
        _ => format!("{:width$}{line}", ""),
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// The colours of text.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Red,
    Green,
    Yellow,
    Cyan,
    Error,
    Warning,
}

impl Style {
    /// The code of the escape sequence that turns it on.
    fn code(self) -> &'static str {
        match self {
            Style::Red => "31",
            Style::Green => "32",
            Style::Yellow => "33",
            Style::Cyan => "36",
            Style::Error => "1;31",
            Style::Warning => "1;33",
        }
    }
}

/// A JSON document in which every character that a terminal would act on is escaped. Such characters occur
/// only inside its strings, so it means the same.
pub(crate) fn json(document: &str) -> String {
    let mut safe = String::with_capacity(document.len());
    for c in document.chars() {
        if text::is_shown(c) {
            safe.push(c);
        } else {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_only_ours_has_colours() {
        let foreign = format!("a\n\x1b[31m{}", '\u{202e}');
        let line = Line::painted(Style::Red, "x\ny").plain(&format!(" {foreign}"));
        let painted = Lines::from(vec![line]).print(true);
        assert_eq!(painted, "\x1b[31mx\\u{a}y\x1b[0m a\\u{a}\\u{1b}[31m\\u{202e}\n");
        assert_eq!(Lines::from(foreign).print(false), "a\\u{a}\\u{1b}[31m\\u{202e}\n");
    }

    #[test]
    fn no_text_makes_a_colour() {
        for c in ('\u{fdd0}'..='\u{fdef}').chain(['\u{fffe}', '\u{ffff}', '\u{1b}']) {
            let escaped = format!("\\u{{{:x}}}x", u32::from(c));
            for colored in [true, false] {
                assert_eq!(Lines::from(format!("{c}x")).print(colored), format!("{escaped}\n"));
            }
            let painted = Lines::from(vec![Line::painted(Style::Warning, &format!("{c}x"))]).print(true);
            assert_eq!(painted, format!("\x1b[1;33m{escaped}\x1b[0m\n"));
        }
    }

    #[test]
    fn further_lines_stand_under_the_first() {
        assert_eq!(indented("a\r\nb\n\tc\n", 2), ["a", "  b", "      c"]);
        assert_eq!(indented("", 2), [""]);
    }

    #[test]
    fn a_document_means_the_same() {
        let value = serde_json::json!({ "\u{7f}\u{9b}": "\u{202e}é\u{e0041}\n\u{1f600}" });
        let printed = json(&value.to_string());
        assert!(printed.chars().all(text::is_shown), "{printed}");
        assert!(printed.contains('é') && printed.contains('\u{1f600}'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
    }
}
