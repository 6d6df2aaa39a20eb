//! The book: its list of pages, its SQL, run on a database, and its commands, as the command line reads them.
//! Its Rust is compiled by `cargo test -p pgjobs-book --doc`.

mod cli_reference;
mod commands;
mod configuration;
mod data;
mod deploy;
mod errors;
mod features;
mod figures;
mod lists;
mod macro_reference;
mod messages;
mod pages;
mod probes;
mod reference;
mod sizing;
mod sql;
#[cfg(feature = "systemd")]
mod unit;

use std::fs;
use std::path::{Path, PathBuf};

/// A page: its path under `docs/src`, and its text.
struct Page {
    path: String,
    text: String,
}

/// A block of code: what stands behind its three backticks, the line of the page where the code begins, and the code.
struct Block<'p> {
    language: &'p str,
    line: usize,
    code: &'p str,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages that SUMMARY.md lists, in its order.
fn pages() -> Vec<Page> {
    let summary = read("docs/src/SUMMARY.md");
    let paths = summary.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    paths.map(|path| Page { path: path.to_owned(), text: read(&format!("docs/src/{path}")) }).collect()
}

impl Page {
    /// The blocks of code, and the comments of HTML that begin with a language: what a reader need not see.
    fn blocks(&self) -> Vec<Block<'_>> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        while let Some((start, open, close)) = next_block(rest) {
            let inside = &rest[start + open.len()..];
            let end = inside.find(close).unwrap_or_else(|| panic!("{}: a block does not end", self.path));
            let (language, code) = inside[..end].split_once('\n').unwrap_or((&inside[..end], ""));
            let before = self.text.len() - inside.len() + language.len() + 1;
            let line = self.text[..before.min(self.text.len())].matches('\n').count() + 1;
            found.push(Block { language: language.trim(), line, code });
            rest = &inside[end + close.len()..];
        }
        found
    }
}

/// Where the next block or comment begins, and what opens and closes it.
fn next_block(text: &str) -> Option<(usize, &'static str, &'static str)> {
    [("\n```", "\n```"), ("\n<!--", "-->")]
        .into_iter()
        .filter_map(|(open, close)| Some((text.find(open)?, open, close)))
        .min()
}
