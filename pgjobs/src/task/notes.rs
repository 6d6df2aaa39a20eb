//! Notes of runs: the progress and log lines that a run has said and the database has not confirmed yet.
//!
//! A task says something at any moment, from any thread, and must not wait; the worker sends it at most twice
//! a second, and once more when the run ends. Between the two the notes are here. Lines have numbers, and
//! lines that were sent together stay together until the database has answered: so they may be sent again,
//! also by another loop of the worker at the same time, and are stored once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use uuid::Uuid;

use super::line::{Line, storable};
use super::outbox::Outbox;
use crate::types::job_id::JobId;
use crate::types::log_level::LogLevel;

/// Characters of a note; the rest is cut.
const NOTE: usize = 1000;

/// What one run says.
pub(crate) struct RunNotes {
    run: (Uuid, i32),
    job: JobId,
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "nothing catches lines"))]
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
    /// Something was sent before, arrived or not.
    drafted: bool,
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
    #[cfg(feature = "logs")]
    pub(crate) fn log(self: &Arc<Self>, line: &Line) {
        let line = line.json();
        let mut said = self.said();
        if said.has_ended {
            return;
        }
        if !self.outbox.has_room(said.open.end(), line.len()) {
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
            let line = Line::of_drops(dropped, self.outbox.lines()).json();
            self.outbox.hold(line.len());
            said.open.push(line);
        }
        drop(said);
        self.draft()
    }

    /// What is to be sent of this run; `None`: nothing.
    pub(super) fn draft(self: &Arc<Self>) -> Option<Draft> {
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
        let json = self.json(report, said.version, &said.sent, !said.drafted);
        said.drafted = true;
        Some(Draft { notes: self.clone(), json, version: said.version, line: said.open.before })
    }

    fn json(&self, report: Option<&Report>, version: u32, lines: &[Bundle], new: bool) -> String {
        let (lease, run) = self.run;
        let head = match report {
            Some(Report { done, total, note }) => json!({
                "lease": lease, "run": run, "job": self.job.as_str(), "new": new,
                "version": version, "done": done, "total": total, "note": note,
            }),
            None => json!({ "lease": lease, "run": run, "job": self.job.as_str(), "new": new }),
        };
        let mut json = head.to_string();
        if !lines.is_empty() {
            json.pop(); // the brace
            let bundles: Vec<String> = lines.iter().map(Bundle::json).collect();
            json.push_str(&format!(",\"logs\":[{}]}}", bundles.join(",")));
        }
        json
    }

    /// Puts it into the outbox again.
    pub(super) fn list_again(self: &Arc<Self>) {
        self.list(&mut self.said());
    }

    fn list(self: &Arc<Self>, said: &mut Said) {
        if !std::mem::replace(&mut said.listed, true) {
            self.outbox.add(self.clone());
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
