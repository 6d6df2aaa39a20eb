//! The log on stderr.

#[cfg(feature = "otel")]
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, filter_fn};
#[cfg(not(feature = "otel"))]
use tracing_subscriber::layer::Identity;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use super::console::Console;
use super::fields::Fields;
use super::panics;
use super::redact::{Masked, MaskedJson};
use crate::cli::args::global::{Global, LogFormat};
use crate::control;

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
        LogFormat::Text => {
            lines.with_ansi(console.colors_stderr()).fmt_fields(Fields).with_writer(|| Masked).boxed()
        }
    };
    let (spans, refusal) = spans();
    if tracing_subscriber::registry()
        .with(spans)
        .with(lines.with_filter(filter))
        .with(crate::logs::layer())
        .try_init()
        .is_ok()
    {
        control::on_log(move |text| change(&reload, text));
    }
    if let Some(reason) = refusal {
        tracing::warn!("no spans are sent: {reason}; correct the variables OTEL_…, or unset them");
    }
}

/// The layer that sends spans to a collector, or why there is none although the environment names one.
#[cfg(feature = "otel")]
fn spans() -> (Option<impl Layer<Registry> + Send + Sync>, Option<String>) {
    match super::spans::layer() {
        Ok(layer) => (layer, None),
        Err(reason) => (None, Some(reason)),
    }
}

#[cfg(not(feature = "otel"))]
fn spans() -> (Option<Identity>, Option<String>) {
    (None, None)
}

/// Changes the filter of the log while the program runs; returns what the receipt of the command says.
fn change<S>(reload: &reload::Handle<EnvFilter, S>, text: &str) -> Result<String, String> {
    let filter = EnvFilter::try_new(text).map_err(|error| format!("not a log filter: {error}"))?;
    reload.reload(filter).map_err(|error| error.to_string())?;
    Ok(format!("logs by {text}"))
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
