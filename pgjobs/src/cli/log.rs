//! The log on stderr.

use tracing_subscriber::EnvFilter;

use super::console::Console;
use super::options::Global;
use super::secret::Masked;

/// Starts logging unless the program has its own subscriber already.
pub(super) fn start(global: &Global, console: &Console) {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match &asked {
        Some(filter) => EnvFilter::new(filter),
        None => EnvFilter::new(level(global)),
    };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(console.colors_stderr())
        .with_writer(|| Masked)
        .with_target(global.verbose > 1)
        .try_init();
}

fn level(global: &Global) -> &'static str {
    match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => "warn",
        (_, 1) => "info,sqlx=warn",
        (_, 2) => "debug,sqlx=info",
        _ => "trace",
    }
}
