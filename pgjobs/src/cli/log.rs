//! The log on stderr.

use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::console::Console;
use super::options::{Command, Global};
use super::secret::Masked;

/// Starts logging unless the program has its own subscriber already.
pub(super) fn start(global: &Global, command: &Command, console: &Console) {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match &asked {
        Some(filter) => EnvFilter::new(filter),
        None => EnvFilter::new(level(global, command)),
    };
    // Spans of jobs are kept at every level: they say which job a warning is about.
    let spans = filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("pgjobs"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(console.colors_stderr())
        .with_writer(|| Masked)
        .with_target(global.verbose > 1)
        .with_filter(filter.or(spans.with_max_level_hint(LevelFilter::INFO)));
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

fn level(global: &Global, command: &Command) -> &'static str {
    match (global.quiet, global.verbose) {
        (true, _) => "error",
        // Its jobs fail on purpose, hundreds in a second; to write that down would be measured too.
        (_, 0) if matches!(command, Command::Bench(_)) => "warn,pgjobs::worker::run=error",
        (_, 0) => "warn",
        (_, 1) => "info,sqlx=warn",
        (_, 2) => "debug,sqlx=info",
        _ => "trace",
    }
}
