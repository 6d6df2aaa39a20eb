//! Keeps what tasks log with their jobs: a layer for `tracing-subscriber` that catches ordinary `tracing`
//! events inside a run.
//!
//! Two things are needed: this layer in the program's subscriber, and a level, of the task
//! (`#[task(log = "info")]`) or of the worker ([`Worker::log`](crate::Worker::log)). Programs that use
//! `pgjobs::cli::main()` have the layer.
//!
//! ```no_run
//! use pgjobs::task;
//! use tracing_subscriber::{Layer, filter::LevelFilter, fmt, prelude::*};
//!
//! tracing_subscriber::registry()
//!     .with(fmt::layer().with_filter(LevelFilter::WARN)) // a filter of this layer alone
//!     .with(pgjobs::logs::layer())
//!     .init();
//!
//! #[task(log = "info")]
//! async fn import(file: String) {
//!     tracing::info!(lines = 40, "read");
//! }
//! ```
//!
//! A filter of the whole subscriber (`registry().with(EnvFilter::…)`) also hides events from this layer; so
//! give filters to single layers, as above.
//!
//! # What is kept
//! Of each event inside the run's span (also in what the task spawns with `.in_current_span()`): time, level,
//! target, message and fields; the fields of spans are not. At most 4 KiB of a line, 1,000 lines of a run
//! ([`Worker::log_lines`](crate::Worker::log_lines)), and 8 MiB in the memory of a worker; the rest is
//! dropped, and the last line says how many lines were. It never makes a task wait. The worker sends the
//! lines with the progress of its runs, at most twice a second, and what is left before it settles the run.
//! Read them with [`inspect::log`](crate::inspect::log), `pgjobs inspect job` or `jobs.job_log`.
//!
//! # Secrets
//! A line is what the program logs: who may read logs of jobs sees it. They are readable for administrators
//! and workers, as arguments are, for as long as history is kept.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use crate::task::line::Line;
use crate::task::log_span;
use crate::task::notes::RunNotes;
use crate::types::log_level::LogLevel;

/// The layer that keeps what tasks log; see [`layer`].
pub type JobLog<S> = Filtered<Collector, Wanted, S>;

/// A layer that keeps what tasks log with their jobs. It asks the program for events of the levels that a
/// worker of this process keeps, and for no others.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use tracing_subscriber::prelude::*;
///
/// tracing_subscriber::registry().with(pgjobs::logs::layer()).init();
/// pgjobs::Worker::new(pool).log(pgjobs::LogLevel::Info).run().await?; // the level of tasks that say none
/// # Ok(()) }
/// ```
pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> JobLog<S> {
    log_span::make();
    Collector { _private: () }.with_filter(Wanted { _private: () })
}

/// Collects the events; a part of [`JobLog`], for programs that write down the type of a layer.
///
/// ```no_run
/// use pgjobs::logs::{Collector, Wanted, layer};
/// use tracing_subscriber::{Registry, filter::Filtered, prelude::*};
///
/// /// Nothing is kept of what runs log while the program is measured.
/// fn kept(is_measured: bool) -> Option<Filtered<Collector, Wanted, Registry>> {
///     (!is_measured).then(layer)
/// }
///
/// tracing_subscriber::registry().with(kept(false)).init();
/// ```
#[derive(Debug)]
pub struct Collector {
    _private: (),
}

/// Which events are collected: those of the levels that a worker of this process keeps, and the spans of
/// runs; a part of [`JobLog`].
///
/// ```
/// use tracing_subscriber::{Registry, filter::LevelFilter, layer::Filter};
///
/// let layer = pgjobs::logs::layer::<Registry>();
/// let highest = Filter::<Registry>::max_level_hint(layer.filter());
/// assert_eq!(highest, Some(LevelFilter::INFO)); // no worker yet: the level of the spans
/// ```
#[derive(Debug)]
pub struct Wanted {
    _private: (),
}

impl Wanted {
    fn wants(metadata: &Metadata<'_>) -> bool {
        is_run(metadata) || metadata.is_event() && *metadata.level() <= log_span::highest()
    }
}

fn is_run(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == log_span::SPAN && metadata.target().starts_with("pgjobs::")
}

impl<S> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Wanted::wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Wanted::wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(log_span::highest().max(LevelFilter::INFO)) // the level of the span of a run
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collector {
    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_run(span.metadata())
            && let (Some(notes), Some(span)) = (log_span::take(), context.span(id))
        {
            span.extensions_mut().insert(notes);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(scope) = context.event_scope(event) else { return };
        let notes = scope.into_iter().find_map(|span| span.extensions().get::<Arc<RunNotes>>().cloned());
        let level = level(event.metadata().level());
        if let Some(notes) = notes.filter(|notes| notes.keeps(level)) {
            let mut line = Line::new(level.as_str(), event.metadata().target());
            event.record(&mut Fields(&mut line));
            notes.log(&line);
        }
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// Reads the fields of an event into its line.
struct Fields<'l>(&'l mut Line);

impl Fields<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.0.say(value),
            name => self.0.add_text(name.trim_start_matches("r#"), value),
        }
    }

    fn value(&mut self, field: &Field, value: Value) {
        self.0.add(field.name().trim_start_matches("r#"), value);
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.value(field, value.into()); // null when it is not finite
    }
}
