//! The arguments: what holds for every command, and which commands there are.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum};

use super::{bench, check, codegen, completions, dev, explain, inspect, migrate, operate, publish, worker};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Database:
  DATABASE_URL names it, or --dsn-file, or one of PGHOST, PGHOSTADDR, PGDATABASE and PGUSER with the other \
PG* variables of libpq (but PGSERVICE). Without any of these a database that `dev` runs for the current \
folder is used. The URL is not taken as an argument: the arguments of a running \
program are visible to every user (`ps`). Of several servers, postgresql://user@db1,db2:5433/name, the \
primary is taken, and a worker follows it to another of them after a failover.

Output:
  Data goes to stdout, everything else to stderr. With --json stdout holds exactly one JSON document \
(--watch: one a line); a failure is {\"error\": {...}} there, and also a line on stderr. Wrong usage is \
reported on stderr alone.
  Characters that a terminal would act on are shown as \\u{1b}; a JSON document has them as \\u001b.

Exit codes:
  0    done
  1    what was asked for failed: the job failed or was not found, the database refused
  2    wrong usage or configuration
  3    the database cannot be reached or is not migrated
  130  ended by a second signal";

/// Background jobs on PostgreSQL: publish, work, look, mend.
#[derive(Parser)]
#[command(name = "pgjobs", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 100)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Read the database's URL from this file instead of DATABASE_URL.
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) dsn_file: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print data and errors only: no notes, no progress.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Log more to stderr; -vv and -vvv log still more. RUST_LOG has precedence.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// How the log on stderr is written: lines for people, or JSON documents, one a line, for programs.
    #[arg(long, global = true, value_enum, value_name = "FORM", default_value_t = LogFormat::Text)]
    pub(super) log: LogFormat,
    /// When to use colours. `auto` minds NO_COLOR and whether a terminal is there.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(super) color: Color,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run a PostgreSQL of your own for this folder, and its worker.
    Dev(dev::Dev),
    /// Bring schema `jobs` up to date.
    Migrate(migrate::MigrateArgs),
    /// Work on the jobs of the tasks in this program.
    Worker(worker::WorkerArgs),
    /// Publish a job, and wait for its result if you like.
    Publish(publish::PublishArgs),
    /// Look at jobs, tasks and workers.
    Inspect(inspect::Inspect),
    /// Say why a job is not running.
    Explain(explain::Explain),
    /// Say whether this program would break jobs that are open now.
    Check(check::Check),
    /// Put failed or cancelled jobs back in line.
    Retry(operate::RetryArgs),
    /// End pending and running jobs as cancelled.
    Cancel(operate::CancelArgs),
    /// Delete pending jobs for good.
    Purge(operate::PurgeArgs),
    /// Measure this machine and this server, scenario by scenario.
    Bench(bench::Bench),
    /// Write a typed client of the tasks: Python, TypeScript or Rust.
    Codegen(codegen::Codegen),
    /// Print the completion script of a shell.
    Completions(completions::Completions),
}

/// The choice of colours before the arguments are parsed: help and usage errors need it as well.
pub(super) fn color_of_arguments() -> ColorChoice {
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

/// The name this program was called by, for remedies that can be copied.
pub(super) fn program() -> String {
    let path = std::env::args_os().next().map(PathBuf::from);
    let name =
        path.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "pgjobs".to_owned())
}
