//! Lines as they are printed.
//!
//! This is the one place through which text reaches stdout and stderr: each line passes [`crate::text`], which leaves
//! nothing in it that a terminal would act on, and a line break only where this module makes one.

use crate::text;

/// Lines of output, not yet safe; whoever prints them makes them so.
pub(super) struct Lines(Vec<String>);

impl From<String> for Lines {
    /// One line, whatever it holds.
    fn from(line: String) -> Self {
        Lines(vec![line])
    }
}

impl From<Vec<String>> for Lines {
    fn from(lines: Vec<String>) -> Self {
        Lines(lines)
    }
}

impl Lines {
    /// As they are printed, each with its end; `colored` lets the marks of [`paint`] be colours.
    pub(super) fn print(&self, colored: bool) -> String {
        let mut printed = String::new();
        for line in &self.0 {
            print(&mut printed, line, colored);
            printed.push('\n');
        }
        printed
    }
}

/// A text of several lines, the further ones under the first: so they cannot be taken for lines of ours.
pub(super) fn indented(text: &str, width: usize) -> Vec<String> {
    let lines = text.trim_end().lines().map(|line| line.replace('\t', "    "));
    let lines = lines.enumerate().map(|(nth, line)| match nth {
        0 => line,
        _ => format!("{:width$}{line}", ""),
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// Which colours there are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Red,
    Green,
    Yellow,
    Cyan,
    Error,
    Warning,
}

impl Style {
    const ALL: [(Style, &'static str); 6] = [
        (Style::Red, "31"),
        (Style::Green, "32"),
        (Style::Yellow, "33"),
        (Style::Cyan, "36"),
        (Style::Error, "1;31"),
        (Style::Warning, "1;33"),
    ];
}

/// Where a colour begins stands one of these characters, which Unicode gives to programs for their own use and no text
/// may hold; where it ends, [`END`]. Escape sequences could not be told from those of foreign text.
const BEGIN: u32 = 0xfdd0;
const END: char = '\u{fdef}';

/// The text between the marks of a colour.
pub(super) fn paint(style: Style, text: &str) -> String {
    let begin = char::from_u32(BEGIN + style as u32).unwrap_or(END);
    format!("{begin}{}{END}", text::shown(text))
}

fn print(printed: &mut String, line: &str, colored: bool) {
    for c in line.chars() {
        let style = u32::from(c).checked_sub(BEGIN).and_then(|nth| Style::ALL.get(nth as usize));
        match (style, c) {
            (Some((_, code)), _) if colored => printed.push_str(&format!("\x1b[{code}m")),
            (_, END) if colored => printed.push_str("\x1b[0m"),
            _ => text::push(printed, c),
        }
    }
}

/// A JSON document with every character escaped that a terminal would act on: all but ASCII stands inside its texts.
pub(super) fn json(document: &str) -> String {
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
        let line = format!("{} {foreign}", paint(Style::Red, "x\ny"));
        assert_eq!(Lines::from(line).print(true), "\x1b[31mx\\u{a}y\x1b[0m a\\u{a}\\u{1b}[31m\\u{202e}\n");
        assert_eq!(Lines::from(foreign).print(false), "a\\u{a}\\u{1b}[31m\\u{202e}\n");
        assert_eq!(Lines::from("\u{fdd0}x".to_owned()).print(false), "\\u{fdd0}x\n");
        for (nth, (style, _)) in Style::ALL.iter().enumerate() {
            assert_eq!(*style as usize, nth);
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
