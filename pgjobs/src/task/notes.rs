//! Notes of runs: the progress and log lines that a run has said and the database has not confirmed yet.
//!
//! A task says something at any moment, from any thread, and must not wait; the worker sends it at most twice a
//! second, and once more when the run ends. Between the two the notes are here. Lines have numbers, and lines
//! that were sent together stay together until the database has answered: so they may be sent again, also
//! by another loop of the worker at the same time, and are stored once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::Notify;
use uuid::Uuid;

use super::line::Line;
use crate::types::job_id::JobId;
use crate::types::log_level::LogLevel;

/// Characters of a note; the rest is cut.
const NOTE: usize = 1000;
/// Bytes of log lines that a worker holds; what comes while they are not sent is dropped.
const MEMORY: usize = 8 << 20;
/// Bytes of what is sent together, about: the notes of further runs follow in the next call.
const CALL: usize = 2 << 20;

/// The notes of a worker's runs.
pub(crate) struct Outbox {
    /// Runs that have something to send.
    listed: Mutex<Vec<Arc<RunNotes>>>,
    /// Something was listed.
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
            let listed = self.listed().pop(); // not locked any more when the run is
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
        drafts.iter().for_each(|draft| draft.notes.list(&mut draft.notes.said()));
    }

    fn listed(&self) -> MutexGuard<'_, Vec<Arc<RunNotes>>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a line; false when there is none.
    fn reserve(&self, bytes: usize) -> bool {
        let held = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = held + bytes <= MEMORY;
        if !fits {
            self.free(bytes);
        }
        fits
    }

    fn free(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What one run says.
pub(crate) struct RunNotes {
    run: (Uuid, i32),
    job: JobId,
    level: LogLevel,
    outbox: Arc<Outbox>,
    said: Mutex<Said>,
}

#[derive(Default)]
struct Said {
    /// It is in the outbox.
    listed: bool,
    /// The newest report and its number, from 1.
    report: Option<Report>,
    version: u32,
    confirmed: u32,
    /// Lines that were sent and not confirmed, as they were sent together.
    sent: Vec<Bundle>,
    /// Lines that were not sent.
    open: Bundle,
    /// Lines that were not kept.
    dropped: u64,
    has_ended: bool,
}

struct Report {
    done: f64,
    total: Option<f64>,
    note: Option<String>,
}

/// Lines with successive numbers.
#[derive(Default)]
struct Bundle {
    /// How many lines came before it.
    before: u32,
    lines: Vec<String>,
    bytes: usize,
}

/// What is sent of one run.
pub(crate) struct Draft {
    pub(crate) notes: Arc<RunNotes>,
    /// As `jobs.note_progress` takes it.
    pub(crate) json: String,
    version: u32,
    /// The number of the last line.
    line: u32,
}

/// Several of them, as they are sent.
pub(crate) fn array(drafts: &[Draft]) -> String {
    let runs: Vec<&str> = drafts.iter().map(|draft| draft.json.as_str()).collect();
    format!("[{}]", runs.join(","))
}

impl Draft {
    /// The database has it.
    pub(crate) fn was_stored(&self) {
        let mut said = self.notes.said();
        said.confirmed = said.confirmed.max(self.version);
        let stored = said.sent.extract_if(.., |bundle| bundle.before < self.line);
        self.notes.outbox.free(stored.map(|bundle| bundle.bytes).sum());
    }
}

impl RunNotes {
    pub(crate) fn new(run: (Uuid, i32), job: JobId, level: LogLevel, outbox: Arc<Outbox>) -> Arc<Self> {
        Arc::new(RunNotes { run, job, level, outbox, said: Mutex::default() })
    }

    /// Whether lines of this level are kept.
    #[cfg(feature = "logs")]
    pub(crate) fn keeps(&self, level: LogLevel) -> bool {
        level <= self.level
    }

    /// Reports how far the run is; numbers that are not finite say nothing.
    pub(crate) fn report(self: &Arc<Self>, done: f64, total: Option<f64>, note: Option<&str>) {
        if !done.is_finite() {
            return;
        }
        let note = note.map(|note| note.chars().take(NOTE).map(storable).collect());
        let mut said = self.said();
        said.report = Some(Report { done, total: total.filter(|total| total.is_finite()), note });
        said.version = said.version.saturating_add(1);
        self.list(&mut said);
    }

    /// Keeps a line, or counts it as dropped.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "nothing makes lines"))]
    pub(crate) fn log(self: &Arc<Self>, line: &Line) {
        let line = line.json();
        let mut said = self.said();
        if said.has_ended {
            return;
        }
        let number = said.open.end();
        if number >= self.outbox.lines || !self.outbox.reserve(line.len()) {
            said.dropped += 1;
        } else {
            said.open.push(line);
        }
        self.list(&mut said);
    }

    /// The last words of the run: after this nothing more is kept. `None` when nothing is left to say.
    pub(crate) fn last_words(self: &Arc<Self>) -> Option<Draft> {
        let mut said = self.said();
        said.has_ended = true;
        let dropped = std::mem::take(&mut said.dropped);
        if dropped > 0 {
            let line = Line::of_drops(dropped, self.outbox.lines).json();
            self.outbox.bytes.fetch_add(line.len(), Ordering::Relaxed);
            said.open.push(line);
        }
        drop(said);
        self.draft()
    }

    /// What is to be sent of this run; `None`: nothing.
    fn draft(self: &Arc<Self>) -> Option<Draft> {
        let mut said = self.said();
        said.listed = false;
        if !said.open.lines.is_empty() {
            let next = Bundle { before: said.open.end(), ..Bundle::default() };
            let open = std::mem::replace(&mut said.open, next);
            said.sent.push(open);
        }
        let report = said.report.as_ref().filter(|_| said.version > said.confirmed);
        if report.is_none() && said.sent.is_empty() {
            return None;
        }
        let json = self.json(report, said.version, &said.sent);
        Some(Draft { notes: self.clone(), json, version: said.version, line: said.open.before })
    }

    fn json(&self, report: Option<&Report>, version: u32, lines: &[Bundle]) -> String {
        let (lease, run) = self.run;
        let head = match report {
            Some(Report { done, total, note }) => json!({
                "lease": lease, "run": run, "job": self.job.as_str(),
                "version": version, "done": done, "total": total, "note": note,
            }),
            None => json!({ "lease": lease, "run": run, "job": self.job.as_str() }),
        };
        let mut json = head.to_string();
        if !lines.is_empty() {
            json.pop(); // the brace
            let bundles: Vec<String> = lines.iter().map(Bundle::json).collect();
            json.push_str(&format!(",\"logs\":[{}]}}", bundles.join(",")));
        }
        json
    }

    fn list(self: &Arc<Self>, said: &mut Said) {
        if !std::mem::replace(&mut said.listed, true) {
            self.outbox.listed().push(self.clone());
            self.outbox.filled.notify_one();
        }
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RunNotes {
    fn drop(&mut self) {
        let said = self.said.get_mut().unwrap_or_else(PoisonError::into_inner);
        let sent: usize = said.sent.iter().map(|bundle| bundle.bytes).sum();
        self.outbox.free(sent + said.open.bytes);
    }
}

impl Bundle {
    fn end(&self) -> u32 {
        self.before + u32::try_from(self.lines.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push(line);
    }

    fn json(&self) -> String {
        format!("[{},[{}]]", self.before + 1, self.lines.join(","))
    }
}

/// PostgreSQL stores every character but NUL.
pub(super) fn storable(letter: char) -> char {
    if letter == '\0' { '\u{FFFD}' } else { letter }
}
