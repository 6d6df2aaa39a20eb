//! Writing source: lines, indentation, comments that cannot break out.

use std::fmt::Write as _;

use crate::types::text::shown;

/// A text that grows by lines.
#[derive(Default)]
pub(crate) struct Source {
    text: String,
    depth: usize,
}

impl Source {
    /// A line, indented.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if !line.is_empty() {
            let _ = write!(self.text, "{:width$}{line}", "", width = self.depth * 4);
        }
        self.text.push('\n');
    }

    /// Lines between two others, indented further.
    pub(crate) fn block(&mut self, open: impl AsRef<str>, close: &str, inside: impl FnOnce(&mut Source)) {
        self.line(open);
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if !close.is_empty() {
            self.line(close);
        }
    }

    /// Text as it stands.
    pub(crate) fn raw(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The whole.
    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// The lines of a documentation, without what would be seen as something else than text, or would make a line read other
/// than it is written, which rustc refuses.
pub(crate) fn lines(doc: &str) -> Vec<String> {
    doc.trim().lines().map(|line| shown(&line.replace('\t', "    ")).trim_end().to_owned()).collect()
}
