//! Hands the notes of a run to the layer that fills them.
//!
//! A layer hears of a span on the thread that opens it, while it is opened: so the notes lie in a
//! thread-local for that moment, and afterwards in the span. Nothing looks them up by the job's id, and what
//! a task spawns inside the span finds them as well.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use tracing::Span;
use tracing::level_filters::LevelFilter;

use super::notes::RunNotes;
use crate::types::log_level::LogLevel;

/// The name of the span of a run, which is opened in this crate alone.
pub(crate) const SPAN: &str = "job";

thread_local! {
    static OPENING: RefCell<Option<Arc<RunNotes>>> = const { RefCell::new(None) };
}

/// Opens the span of a run whose log goes to these notes.
pub(crate) fn open(notes: Option<&Arc<RunNotes>>, span: impl FnOnce() -> Span) -> Span {
    let Some(notes) = notes else { return span() };
    OPENING.with_borrow_mut(|opening| *opening = Some(notes.clone()));
    let span = span();
    OPENING.with_borrow_mut(|opening| *opening = None);
    span
}

/// The notes of the run whose span is being opened on this thread.
pub(crate) fn take() -> Option<Arc<RunNotes>> {
    OPENING.with_borrow_mut(Option::take)
}

/// Whether the program has made the layer.
static MADE: AtomicBool = AtomicBool::new(false);

pub(crate) fn is_made() -> bool {
    MADE.load(Ordering::Relaxed)
}

pub(crate) fn make() {
    MADE.store(true, Ordering::Relaxed);
}

/// The highest level that any worker of this process keeps.
static HIGHEST: AtomicU8 = AtomicU8::new(0);

/// A worker begins that keeps lines of this level: from now on the layer wants them.
pub(crate) fn wants(level: LogLevel) {
    if HIGHEST.fetch_max(level as u8, Ordering::Relaxed) < level as u8 {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// The level up to which somebody keeps lines.
pub(crate) fn highest() -> LevelFilter {
    match HIGHEST.load(Ordering::Relaxed) {
        0 => LevelFilter::OFF,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}
