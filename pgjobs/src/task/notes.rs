//! Notes of runs: the progress and log lines that a run has said and the database has not confirmed yet.
//!
//! A task says something at any moment, from any thread, and must not wait; the worker sends it at most twice
//! a second, and once more when the run ends. Between the two the notes are here. Lines have numbers, and
//! lines that were sent together stay together until the database has answered: so they may be sent again,
//! also by another loop of the worker at the same time, and are stored once.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::line::{Line, storable};
use super::outbox::Outbox;
use super::secrets::Secrets;
use crate::types::job_id::JobId;
use crate::types::log_level::LogLevel;

/// Characters of a note; the rest is cut.
const NOTE: usize = 1000;
/// Bytes that may go with an outcome. They are stored in the job's row of history, which PostgreSQL keeps in
/// one piece up to about so many.
const TOGETHER: usize = 2000;

/// What one run says.
pub(crate) struct RunNotes {
    run: (Uuid, i32),
    job: JobId,
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "nothing catches lines"))]
    level: LogLevel,
    outbox: Arc<Outbox>,
    /// What it must not say.
    secrets: Option<Arc<Secrets>>,
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

/// What is left to say of a run that ends.
pub(crate) enum Parting {
    Nothing,
    /// All that it has said, as `jobs.settle` takes it: nothing was sent before.
    Together(String),
    /// It is to be sent by itself: [`RunNotes::last_words`].
    Apart,
}

/// Several of them, as they are sent.
pub(crate) fn array<'a>(runs: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", runs.collect::<Vec<_>>().join(","))
}

/// What a run has said that was to go with its outcome, as `jobs.note_progress` takes it.
pub(crate) fn apart((lease, run): (Uuid, i32), job: &JobId, together: &str) -> String {
    format!(r#"{},"new":true,"version":1,{}"#, head((lease, run), job), &together[1..])
}

/// Of which run something is said: the beginning of an object.
fn head((lease, run): (Uuid, i32), job: &JobId) -> String {
    format!(r#"{{"lease":"{lease}","run":{run},"job":{}"#, text(job.as_str()))
}

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
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
    pub(crate) fn new(
        run: (Uuid, i32),
        job: JobId,
        level: LogLevel,
        outbox: Arc<Outbox>,
        secrets: Option<Arc<Secrets>>,
    ) -> Arc<Self> {
        Arc::new(RunNotes { run, job, level, outbox, secrets, said: Mutex::default() })
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
        let hide = |note| self.secrets.as_ref().map_or(Cow::Borrowed(note), |secrets| secrets.hide(note));
        let note = note.map(|note| storable(cut(&hide(note))));
        let mut said = self.said();
        if said.has_ended {
            return;
        }
        said.report = Some(Report { done, total: total.filter(|total| total.is_finite()), note });
        said.version = said.version.saturating_add(1);
        self.list(&mut said);
    }

    /// Keeps a line, or counts it as dropped.
    #[cfg(feature = "logs")]
    pub(crate) fn log(self: &Arc<Self>, line: &Line) {
        let line = match &self.secrets {
            Some(secrets) => line.without(secrets).json(),
            None => line.json(),
        };
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

    /// The run ends; after this nothing more is kept of what goes together with its outcome.
    pub(crate) fn part(&self, is_success: bool) -> Parting {
        let mut said = self.said();
        if said.report.is_none() && said.open.end() == 0 && said.dropped == 0 {
            said.has_ended = true;
            return Parting::Nothing;
        }
        let bytes = said.open.bytes + said.report.as_ref().map_or(0, Report::bytes);
        if !is_success || said.drafted || said.dropped > 0 || bytes > TOGETHER {
            return Parting::Apart;
        }
        said.has_ended = true;
        said.confirmed = said.version;
        let lines = std::mem::take(&mut said.open);
        self.outbox.free(lines.bytes);
        let lines = Some(lines).filter(|lines| lines.end() > 0);
        Parting::Together(format!("{{{}}}", members(said.report.as_ref(), lines.as_slice())))
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
        let version = report.map_or(String::new(), |_| format!(r#","version":{version}"#));
        format!(r#"{},"new":{new}{version},{}}}"#, head(self.run, &self.job), members(report, lines))
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

/// What is said, as members of an object: a report, lines, or both.
fn members(report: Option<&Report>, lines: &[Bundle]) -> String {
    let report = report.map(Report::json);
    let lines = (!lines.is_empty()).then(|| {
        let bundles: Vec<String> = lines.iter().map(Bundle::json).collect();
        format!(r#""logs":[{}]"#, bundles.join(","))
    });
    report.into_iter().chain(lines).collect::<Vec<_>>().join(",")
}

fn cut(note: &str) -> &str {
    note.char_indices().nth(NOTE).map_or(note, |(end, _)| &note[..end])
}

impl Report {
    fn bytes(&self) -> usize {
        self.note.as_ref().map_or(0, String::len)
    }

    fn json(&self) -> String {
        let null = || "null".to_owned();
        let total = self.total.map_or_else(null, |total| format!("{total:?}"));
        let note = self.note.as_deref().map_or_else(null, text);
        format!(r#""done":{:?},"total":{total},"note":{note}"#, self.done) // finite numbers are JSON
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
