//! Writing source: lines, indentation, comments that cannot break out.

use std::fmt::Write as _;

/// A text that grows by lines.
#[derive(Default)]
pub(super) struct Source {
    text: String,
    depth: usize,
}

impl Source {
    /// A line, indented.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            let _ = write!(self.text, "{:width$}{line}", "", width = self.depth * 4);
        }
        self.text.push('\n');
    }

    /// Lines between two others, indented further.
    pub(super) fn block(&mut self, open: impl AsRef<str>, close: &str, inside: impl FnOnce(&mut Source)) {
        self.line(open);
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if !close.is_empty() {
            self.line(close);
        }
    }

    /// Text as it stands.
    pub(super) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The whole.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// The lines of a documentation, without what would be seen as something else than text.
pub(super) fn lines(doc: &str) -> Vec<String> {
    let tame = |c: char| if c.is_control() || is_direction(c) { ' ' } else { c };
    let lines = doc.trim().lines().map(|line| line.chars().map(tame).collect::<String>());
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// Marks that make a line read other than it is written, which rustc refuses.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}
