//! The findings of a deploy check.

use std::fmt;

use serde::Serialize;

use super::compare::Incompatible;
use crate::types::job_id::JobId;
use crate::types::severity::Severity;

/// The kind of a finding, for programs; within one severity, the more important kind comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Code {
    /// Open jobs whose arguments this program cannot read.
    BodiesDoNotFit,
    /// Open jobs of a task that this program does not have, although it has a new one with the same
    /// signature.
    TaskRenamed,
    /// Open jobs of a task that this program does not have.
    TaskGone,
    /// The schema of the arguments takes less than a declared one.
    ArgumentsIncompatible,
    /// A positional value is bound to another argument than before.
    ArgumentsMoved,
    /// Open jobs whose arguments the server cannot send, so that they fail with every program.
    BodiesNotSent,
    /// Open jobs have recorded steps that the task of this program does not declare.
    StepsUnknown,
    /// Jobs wait for a task that no live worker has.
    NoWorker,
    /// Open jobs under a name that nobody has declared: a slip of their publisher, or a task to come.
    UnknownTask,
}

impl Code {
    /// The name in `--json`, such as `bodies_do_not_fit`.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BodiesDoNotFit => "bodies_do_not_fit",
            Code::TaskRenamed => "task_renamed",
            Code::TaskGone => "task_gone",
            Code::ArgumentsIncompatible => "arguments_incompatible",
            Code::ArgumentsMoved => "arguments_moved",
            Code::BodiesNotSent => "bodies_not_sent",
            Code::StepsUnknown => "steps_unknown",
            Code::NoWorker => "no_worker",
            Code::UnknownTask => "unknown_task",
        }
    }
}

/// One thing that would break, or may.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Its severity.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// The name under which the jobs were published.
    pub task: String,
    /// One sentence, without a value of any body.
    pub message: String,
    /// The remedy.
    pub remedy: String,
    /// Some of the jobs whose arguments do not fit, and why.
    pub jobs: Vec<UnreadableJob>,
    /// Where the schema takes less than a declared one.
    pub incompatible: Vec<Incompatible>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        code: Code,
        task: &str,
        message: String,
        remedy: impl Into<String>,
    ) -> Self {
        let (task, remedy) = (task.to_owned(), remedy.into());
        Finding { severity, code, task, message, remedy, jobs: Vec::new(), incompatible: Vec::new() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task `{}`: {}; {}", self.task, self.message, self.remedy)
    }
}

/// A job whose arguments do not fit.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct UnreadableJob {
    /// The job.
    pub job_id: JobId,
    /// The path in its arguments; empty for the body as a whole.
    pub path: String,
    /// What was expected and what was found, without the value.
    pub reason: String,
}

/// The number of open jobs of a task, and how many of them were decoded.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// The name under which they were published.
    pub task: String,
    /// Open jobs: ready, scheduled or running.
    pub open: u64,
    /// Whether `open` is exact; otherwise there are more.
    pub exact: bool,
    /// How many of them were decoded.
    pub sampled: u64,
    /// How many of the decoded jobs do not fit.
    pub unreadable: u64,
}

/// The result of a deploy check.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DeployReport {
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
    /// The tasks of this program that have open jobs.
    pub coverage: Vec<Coverage>,
}

impl DeployReport {
    /// Whether no open job would break; there may be warnings.
    pub fn is_ok(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// The number of findings of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}
