//! Writes source code: lines, indentation, and comments whose text cannot end the comment.

use std::fmt::Write as _;

use crate::text::shown;

/// Source code that grows by lines.
#[derive(Default)]
pub(crate) struct Source {
    text: String,
    depth: usize,
}

impl Source {
    /// Adds a line, indented.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            let _ = write!(self.text, "{:width$}{line}", "", width = self.depth * 4);
        }
        self.text.push('\n');
    }

    /// Adds lines between two others, indented further.
    pub(crate) fn block(&mut self, open: impl AsRef<str>, close: &str, inside: impl FnOnce(&mut Source)) {
        self.line(open);
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if !close.is_empty() {
            self.line(close);
        }
    }

    /// Adds text unchanged.
    pub(crate) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The whole text.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// The lines of a documentation, without characters that a reader would not see as text, or that change the
/// order in which a line is read, which rustc refuses.
pub(crate) fn lines(doc: &str) -> Vec<String> {
    doc.trim().lines().map(|line| shown(&line.replace('\t', "    ")).trim_end().to_owned()).collect()
}
