//! The notes of all runs of a worker, until they are sent.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::notes::{Draft, RunNotes};
use crate::types::log_level::LogLevel;

/// Bytes of log lines that a worker holds; what comes while they are not sent is dropped.
#[cfg(feature = "logs")]
const MEMORY: usize = 8 << 20;
/// Bytes of what is sent together, about: the notes of further runs follow in the next call.
const CALL: usize = 2 << 20;

/// The notes of a worker's runs.
pub(crate) struct Outbox {
    /// Runs that have something to send, in the order in which they said it.
    listed: Mutex<VecDeque<Arc<RunNotes>>>,
    /// Something was listed where nothing was before.
    pub(crate) filled: Notify,
    /// Bytes of the log lines held.
    bytes: AtomicUsize,
    /// Lines that are kept of one run.
    lines: u32,
    /// For tasks that say nothing of their own.
    level: LogLevel,
}

impl Outbox {
    pub(crate) fn new(level: LogLevel, lines: u32) -> Self {
        let (listed, filled) = (Mutex::default(), Notify::new());
        Outbox { listed, filled, bytes: AtomicUsize::new(0), lines, level }
    }

    /// The level from which on the lines of a task are kept, which says `level` or nothing.
    pub(crate) fn level(&self, level: Option<LogLevel>) -> LogLevel {
        level.unwrap_or(self.level)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.listed().is_empty()
    }

    /// Takes out runs that have something to send, and what they send now.
    pub(crate) fn take(&self) -> Vec<Draft> {
        let (mut drafts, mut bytes) = (Vec::new(), 0);
        while bytes < CALL {
            let listed = self.listed().pop_front(); // not locked any more when the run is
            let Some(notes) = listed else { break };
            if let Some(draft) = notes.draft() {
                bytes += draft.json.len();
                drafts.push(draft);
            }
        }
        drafts
    }

    /// The call failed: these are sent again.
    pub(crate) fn give_back(&self, drafts: &[Draft]) {
        drafts.iter().for_each(|draft| draft.notes.list_again());
    }

    fn listed(&self) -> MutexGuard<'_, VecDeque<Arc<RunNotes>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, notes: Arc<RunNotes>) {
        let mut listed = self.listed();
        listed.push_back(notes);
        if listed.len() == 1 {
            self.filled.notify_one(); // the waiting loop finds the others by itself
        }
    }

    pub(super) fn lines(&self) -> u32 {
        self.lines
    }

    /// Makes room for one more line of a run that has so many; false when there is none.
    #[cfg(feature = "logs")]
    pub(super) fn has_room(&self, lines: u32, bytes: usize) -> bool {
        if lines >= self.lines {
            return false;
        }
        let fits = self.hold(bytes) <= MEMORY;
        if !fits {
            self.free(bytes);
        }
        fits
    }

    /// Counts the bytes of a line; returns those of all lines.
    pub(super) fn hold(&self, bytes: usize) -> usize {
        self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    pub(super) fn free(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(all(test, feature = "logs"))]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::task::line::Line;
    use crate::types::job_id::JobId;

    fn run_of(outbox: &Arc<Outbox>) -> Arc<RunNotes> {
        RunNotes::new((Uuid::nil(), 0), JobId::generate(), LogLevel::Info, outbox.clone(), None)
    }

    fn held(outbox: &Outbox) -> usize {
        outbox.bytes.load(Ordering::Relaxed)
    }

    #[test]
    fn logs_without_end_take_no_more_memory_and_give_it_back() {
        let outbox = Arc::new(Outbox::new(LogLevel::Info, 100_000));
        let notes = run_of(&outbox);
        let mut line = Line::new("info", "test");
        line.say(&"x".repeat(4000));
        (0..5000).for_each(|_| notes.log(&line)); // 20 MB
        assert!((MEMORY - 5000..=MEMORY).contains(&held(&outbox)));
        let drafts = outbox.take();
        drafts[0].was_stored();
        assert_eq!(held(&outbox), 0);
        notes.log(&line);
        assert!(notes.last_words().is_some_and(|last| last.json.contains("lines were dropped")));
        drop(outbox.take());
        drop((drafts, notes));
        assert_eq!(held(&outbox), 0, "also what was never sent");
    }

    #[test]
    fn what_was_sent_without_an_answer_is_sent_again_as_it_was() {
        let outbox = Arc::new(Outbox::new(LogLevel::Info, 100));
        let notes = run_of(&outbox);
        let logs = |draft: &Draft| {
            let json: serde_json::Value = serde_json::from_str(&draft.json).unwrap();
            let bundles = json["logs"].as_array().unwrap().iter();
            bundles
                .map(|bundle| (bundle[0].as_i64().unwrap(), bundle[1].as_array().unwrap().len()))
                .collect::<Vec<_>>()
        };
        let line = Line::new("info", "test");
        (0..2).for_each(|_| notes.log(&line));
        let first = outbox.take();
        assert_eq!(logs(&first[0]), [(1, 2)]);
        notes.log(&line);
        let last = notes.last_words().unwrap();
        assert_eq!(logs(&last), [(1, 2), (3, 1)], "the first two lines stay together");
        first[0].was_stored();
        outbox.give_back(&first);
        assert_eq!(logs(&outbox.take()[0]), [(3, 1)]);
        last.was_stored();
        assert!(notes.last_words().is_none());
    }

    #[test]
    fn a_report_is_sent_until_it_is_stored_and_the_newest_alone() {
        let outbox = Arc::new(Outbox::new(LogLevel::Off, 0));
        let notes = run_of(&outbox);
        (1..=3).for_each(|done| notes.report(f64::from(done), Some(3.0), Some(&"n".repeat(2000))));
        let sent = outbox.take();
        assert!(sent[0].json.contains(r#""done":3.0"#) && sent[0].json.len() < 1300, "{}", sent[0].json);
        assert!(outbox.is_empty());
        outbox.give_back(&sent);
        let again = outbox.take();
        notes.report(f64::NAN, None, None);
        assert!(outbox.is_empty(), "it says nothing");
        again[0].was_stored();
        outbox.give_back(&again);
        assert!(outbox.take().is_empty());
    }
}
