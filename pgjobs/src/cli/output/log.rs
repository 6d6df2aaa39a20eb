//! The log on stderr.

use std::fmt;

use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::{self, Writer};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::console::Console;
use super::panics;
use super::redact::{Masked, MaskedJson};
use crate::cli::args::global::{Global, LogFormat};
use crate::control;
use crate::types::text::shown;

/// Starts the log unless the program has its own subscriber already; `default` is the filter when the user
/// sets none.
pub(crate) fn start(global: &Global, default: &'static str, console: &Console) {
    let asked = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    let filter = match &asked {
        Some(filter) => EnvFilter::new(filter),
        None => EnvFilter::new(level(global, default)),
    };
    // Spans of jobs are enabled at every level: they name the job of a warning or a panic.
    let always = filter_fn(|metadata| {
        metadata.is_span() && metadata.target().starts_with("pgjobs") || metadata.target() == panics::TARGET
    });
    let (filter, reload) = reload::Layer::new(filter);
    let filter = filter.or(always.with_max_level_hint(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer().with_target(global.verbose > 1);
    let lines = match global.log {
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_writer(|| MaskedJson).boxed()
        }
        LogFormat::Text => lines
            .with_ansi(console.colors_stderr())
            .fmt_fields(format::debug_fn(field).delimited(" "))
            .with_writer(|| Masked)
            .boxed(),
    };
    if tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().is_ok() {
        control::on_log(move |text| change(&reload, text));
    }
}

/// Changes the filter of the log while the program runs; returns what the receipt of the command says.
fn change<S>(reload: &reload::Handle<EnvFilter, S>, text: &str) -> Result<String, String> {
    let filter = EnvFilter::try_new(text).map_err(|error| format!("not a log filter: {error}"))?;
    reload.reload(filter).map_err(|error| error.to_string())?;
    Ok(format!("logs by {text}"))
}

/// Escapes a field: errors, hosts and names of tasks are untrusted text, which must not start a line or move
/// the cursor.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    let value = format!("{value:?}");
    match field.name() {
        "message" => write!(writer, "{}", shown(&value)),
        name => write!(writer, "{}={}", name.trim_start_matches("r#"), shown(&value)),
    }
}

fn level(global: &Global, default: &'static str) -> &'static str {
    match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => default,
        (_, 1) => "info,sqlx=warn",
        (_, 2) => "debug,sqlx=info",
        _ => "trace",
    }
}
