//! Where output goes: data to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use super::exit::Failure;
use super::options::{Color, Global};
use super::secret;

/// What the user said about output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    pub(super) json: bool,
    pub(super) quiet: bool,
    color: Streams,
}

#[derive(Debug, Clone, Copy)]
struct Streams {
    out: bool,
    err: bool,
}

impl Console {
    pub(super) fn new(global: &Global) -> Self {
        let color = Streams {
            out: colored(global.color, io::stdout().is_terminal()),
            err: colored(global.color, io::stderr().is_terminal()),
        };
        Console { json: global.json, quiet: global.quiet, color }
    }

    /// Whether stderr may be coloured.
    pub(super) fn colors_stderr(&self) -> bool {
        self.color.err
    }

    /// A line of data.
    pub(super) fn line(&self, text: impl Display) -> Result<(), Failure> {
        write(&format!("{text}\n"))
    }

    /// Data as it stands.
    pub(super) fn raw(&self, text: &str) -> Result<(), Failure> {
        write(text)
    }

    /// The one JSON document, on one line.
    pub(super) fn document(&self, data: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(data)
            .map_err(|error| Failure::failed(format!("the output cannot be written as JSON: {error}")))?;
        self.line(text)
    }

    /// The JSON document, or else the text.
    pub(super) fn data(
        &self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { self.line(text()) }
    }

    /// A line for the person who watches.
    pub(super) fn note(&self, text: impl Display) {
        if !self.quiet {
            // Nobody reads a stderr that cannot be written.
            let _ = writeln!(io::stderr().lock(), "{}", secret::hide(&text.to_string()));
        }
    }

    /// What went wrong; said even when quiet.
    pub(super) fn error(&self, message: &str) {
        let label = self.paint_as(self.color.err, "1;31", "error:");
        let _ = writeln!(io::stderr().lock(), "{label} {message}");
    }

    /// Text of stdout in a colour, if colours are wanted there.
    pub(super) fn paint(&self, style: &str, text: &str) -> String {
        self.paint_as(self.color.out, style, text)
    }

    fn paint_as(&self, wanted: bool, style: &str, text: &str) -> String {
        if wanted { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Wipes the terminal before the next look; in a pipe looks follow each other.
    pub(super) fn clear(&self) -> Result<(), Failure> {
        let wipes = io::stdout().is_terminal() && !self.json;
        if wipes { write("\x1b[H\x1b[2J\x1b[3J") } else { Ok(()) }
    }
}

fn colored(color: Color, terminal: bool) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // The reader has seen enough, like `| head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Failure::failed(format!("stdout cannot be written: {error}"))),
    }
}
