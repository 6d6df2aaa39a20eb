//! Prints data to stdout and everything else to stderr. Nothing else in the command line prints, except the
//! log and progress bars.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::failure::Failure;
use super::lines::{self, Line, Lines, Style, indented};
use super::redact;
use super::usage;
use crate::cli::args::global::{Color, Global, with_own_commands};

/// The user's options for output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Console {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    color: Streams,
}

#[derive(Debug, Clone, Copy)]
struct Streams {
    out: bool,
    err: bool,
}

impl Console {
    pub(crate) fn new(global: &Global) -> Self {
        let color = Streams {
            out: colored(global.color, io::stdout().is_terminal()),
            err: colored(global.color, io::stderr().is_terminal()),
        };
        Console { json: global.json, quiet: global.quiet, color }
    }

    /// The same, without notes if so.
    pub(crate) fn hushed(&self, hushed: bool) -> Self {
        Console { quiet: self.quiet || hushed, ..*self }
    }

    /// Whether notes are printed.
    pub(crate) fn notes(&self) -> bool {
        !self.quiet
    }

    /// Whether stderr may be coloured.
    pub(crate) fn colors_stderr(&self) -> bool {
        self.color.err
    }

    /// Prints lines of data.
    pub(crate) fn lines(&self, lines: impl Into<Lines>) -> Result<(), Failure> {
        write(&lines.into().print(self.color.out))
    }

    /// Prints generated source or a script unchanged.
    pub(crate) fn raw(&self, text: &str) -> Result<(), Failure> {
        write(text)
    }

    /// Prints the one JSON document, on one line.
    pub(crate) fn document(&self, data: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(data)
            .map_err(|error| Failure::failed(format!("the output cannot be written as JSON: {error}")))?;
        write(&format!("{}\n", lines::json(&text)))
    }

    /// Prints the JSON document with `--json`, otherwise the text.
    pub(crate) fn data<T: Into<Lines>>(
        &self,
        document: &impl Serialize,
        text: impl FnOnce() -> T,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { self.lines(text()) }
    }

    /// Prints a note for a person; further lines of the text are indented.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            self.say(indented(&redact::hide(&text.to_string()), 2));
        }
    }

    /// Prints an error, even when quiet.
    pub(crate) fn error(&self, code: Option<&str>, message: &str) {
        let mut lines = indented(&with_own_commands(message), 7).into_iter();
        let word = code.map_or_else(|| "error:".to_owned(), |code| format!("error[{code}]:"));
        let first = Line::painted(Style::Error, &word).plain(" ").plain(&lines.next().unwrap_or_default());
        self.say([first].into_iter().chain(lines.map(Line::from)).collect::<Vec<Line>>());
    }

    /// Prints a warning, even when quiet: what was printed is not all.
    pub(crate) fn warning(&self, message: &str) {
        let mut lines = indented(message, 9).into_iter();
        let first =
            Line::painted(Style::Warning, "warning:").plain(" ").plain(&lines.next().unwrap_or_default());
        self.say([first].into_iter().chain(lines.map(Line::from)).collect::<Vec<Line>>());
    }

    /// Prints a question before its answer is read, even when quiet.
    pub(crate) fn prompt(&self, question: &str) -> io::Result<()> {
        let line = Lines::from(redact::hide(question)).print(false);
        let mut stderr = io::stderr().lock();
        write!(stderr, "{} [y/N] ", line.trim_end())?;
        stderr.flush()
    }

    fn say(&self, lines: impl Into<Lines>) {
        // Nobody reads a stderr that cannot be written.
        let _ = io::stderr().lock().write_all(lines.into().print(self.color.err).as_bytes());
    }

    /// Whether the reader of stdout has gone; a command that repeats its output then ends.
    pub(crate) fn is_unread(&self) -> bool {
        UNREAD.load(Ordering::Relaxed)
    }

    /// Clears the terminal before the next repetition; in a pipe the repetitions follow each other.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        let wipes = io::stdout().is_terminal() && !self.json;
        if wipes { write("\x1b[H\x1b[2J\x1b[3J") } else { Ok(()) }
    }
}

/// Prints a line to stderr, for use when no log takes it.
pub(crate) fn say_past_the_log(line: String) {
    // Nobody reads a stderr that cannot be written.
    let _ = io::stderr().lock().write_all(Lines::from(line).print(false).as_bytes());
}

/// Prints what is wrong with the arguments, or the help that they ask for. Arguments may hold untrusted text,
/// and are then shown without colours; those of a job are not shown at all.
pub(crate) fn usage(error: &clap::Error) {
    let text = usage::without_values(error).unwrap_or_else(|| error.render().to_string());
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    // Nobody reads a stream that cannot be written.
    let is_own = text == error.render().to_string();
    let _ = match is_own && usage::arguments_are_shown() {
        true => error.print(),
        false => io::stderr().lock().write_all(Lines::from(lines).print(false).as_bytes()),
    };
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

static UNREAD: AtomicBool = AtomicBool::new(false);

fn write(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        // The reader has closed the pipe, like `| head`; the command still sets its exit code.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            UNREAD.store(true, Ordering::Relaxed);
            Ok(())
        }
        Err(error) => Err(Failure::failed(format!("stdout cannot be written: {error}"))),
    }
}
