//! The options of every command.

use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, ValueEnum};

#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Read the database's URL from this file instead of DATABASE_URL.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) dsn_file: Option<PathBuf>,
    /// One of several servers, by its name: eu=postgresql://app@db/jobs, or eu=@FILE with the URL in a file; once for
    /// each. Without a password, which other users of this machine would see: PGJOBS_SERVERS may have one.
    #[arg(long, global = true, value_name = "NAME=URL")]
    pub(crate) server: Vec<String>,
    /// Of several servers, the one to work on; commands that read ask all of them without it.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) on: Option<String>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print data and errors only: no notes, no progress.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Log more to stderr; -vv and -vvv log still more. RUST_LOG has precedence.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Format of the log on stderr: text, or one JSON document per line.
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    pub(crate) log: LogFormat,
    /// When to use colours. `auto` uses them on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The choice of colours before clap parses the arguments: help and usage errors use it as well.
pub(crate) fn color_of_arguments() -> ColorChoice {
    let arguments: Vec<String> = std::env::args_os()
        .map(|a| a.to_string_lossy().into_owned())
        .take_while(|argument| argument != "--")
        .collect();
    let joined = arguments.iter().find_map(|argument| argument.strip_prefix("--color="));
    let apart = || {
        let at = arguments.iter().position(|argument| argument == "--color")?;
        arguments.get(at + 1).map(String::as_str)
    };
    match joined.or_else(apart) {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// A message of the database or of the library, whose commands are those of `pgjobs`, with commands that this
/// program has: users copy them.
pub(crate) fn with_own_commands(message: &str) -> String {
    message.replace("`pgjobs ", &format!("`{} ", program()))
}

/// The name by which this program was called, for commands in messages that users can copy.
pub(crate) fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    let name =
        path.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "pgjobs".to_owned())
}
