//! Turns what was read into findings.

use super::compare::Incompatible;
use super::findings::{Code, Coverage, Finding};
use super::sampling::{SampleResult, open};
use super::signature::Signature;
use crate::db::deploy::InUse;
use crate::task::definition::TaskDef;
use crate::types::severity::Severity;

/// The finding for a task that this program does not have, if this program ran it: no live worker of another
/// program has it, or the caller states that everything under the topics belongs to this program. A name that
/// nobody has declared is of no program, so this one breaks nothing.
pub(super) fn gone(task: &InUse, is_ours: bool, new_tasks: &[&'static TaskDef]) -> Option<Finding> {
    if open(task) == 0 || (task.others > 0 && !is_ours) {
        return None;
    }
    let jobs = at_least(task, open(task));
    let last = last_signature(task);
    if last.is_none() && task.workers == 0 && !is_ours {
        return Some(unknown(task, &jobs));
    }
    let who = match task.workers {
        0 => "no live worker has it",
        _ if task.others == 0 => {
            "only workers that share tasks with this program have it: older versions of it"
        }
        _ => "it is under the topics that were given",
    };
    let message = format!("{jobs} open, and this program does not have the task; {who}");
    let same =
        new_tasks.iter().find(|def| last.as_ref().is_some_and(|signature| *signature == Signature::of(def)));
    Some(match same {
        Some(def) => {
            let remedy = format!(
                "if it is `{}` now ({}), add aliases = [\"{}\"] to its #[task]",
                def.name, def.location, task.task
            );
            Finding::new(Severity::Error, Code::TaskRenamed, &task.task, message, remedy)
        }
        None => {
            let remedy = format!(
                "add aliases = [\"{}\"] to the task that took its place, or cancel its jobs, or let them end first",
                task.task
            );
            Finding::new(Severity::Error, Code::TaskGone, &task.task, message, remedy)
        }
    })
}

fn unknown(task: &InUse, jobs: &str) -> Finding {
    let message = format!("{jobs} open, under a name that nobody has declared");
    let remedy = format!(
        "if it is a slip, cancel its jobs and correct their publisher; if its worker comes later, nothing; `--topic '{}'` \
         says that it is a task of this program",
        task.task
    );
    Finding::new(Severity::Warning, Code::UnknownTask, &task.task, message, remedy)
}

/// The findings for a task that this program has.
pub(super) fn kept(task: &InUse, def: &TaskDef, seen: Option<&SampleResult>) -> Vec<Finding> {
    let new = Signature::of(def);
    let signatures = signatures(task);
    let unseen = seen.is_some_and(|seen| !seen.coverage.exact || seen.coverage.sampled < seen.coverage.open);
    [
        seen.and_then(|seen| unreadable(task, seen)),
        incompatible(task, &signatures, &new, unseen),
        moved(task, &signatures, &new, seen),
        seen.and_then(|seen| not_sent(task, seen)),
        no_worker(task),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn unreadable(task: &InUse, seen: &SampleResult) -> Option<Finding> {
    let coverage = &seen.coverage;
    if coverage.unreadable == 0 {
        return None;
    }
    let mut reasons: Vec<(&String, &u64)> = seen.reasons.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let more = reasons.len().saturating_sub(3);
    let shown: Vec<String> =
        reasons.iter().take(3).map(|(reason, count)| format!("{reason} ({count})")).collect();
    let more = if more > 0 { format!(", and {more} more reasons") } else { String::new() };
    let message = format!(
        "{} would fail: {}{more}",
        of_those_looked_at(coverage, coverage.unreadable),
        shown.join(", ")
    );
    let remedy = "let the new type take the old signature as well (Option, #[default], #[serde(alias)], an untagged \
                  enum), or give the new signature a task name of its own, or let these jobs end first";
    let mut finding = Finding::new(Severity::Error, Code::BodiesDoNotFit, &task.task, message, remedy);
    finding.jobs.clone_from(&seen.unreadable);
    Some(finding)
}

/// "1 of 3 open jobs that were checked", "the only open job".
fn of_those_looked_at(coverage: &Coverage, number: u64) -> String {
    let all = coverage.exact && coverage.sampled == coverage.open;
    match (number, coverage.sampled, all) {
        (_, 1, true) => "the only open job".to_owned(),
        (_, 1, false) => "the one open job that was checked".to_owned(),
        (_, of, true) => format!("{number} of {of} open jobs"),
        (_, of, false) => format!("{number} of the {of} open jobs that were checked"),
    }
}

/// Jobs that no program can read, so that they show no difference between this version and the last.
fn not_sent(task: &InUse, seen: &SampleResult) -> Option<Finding> {
    let message = || {
        let which = of_those_looked_at(&seen.coverage, seen.not_sent);
        format!("the arguments of {which} cannot be sent by the server: such a job fails under every program")
    };
    let remedy = "cancel them, and publish less in one job";
    (seen.not_sent > 0).then(|| {
        let mut finding = Finding::new(Severity::Warning, Code::BodiesNotSent, &task.task, message(), remedy);
        finding.jobs.clone_from(&seen.unsendable);
        finding
    })
}

/// An error while some jobs have not been decoded.
fn incompatible(task: &InUse, signatures: &[Signature], new: &Signature, unseen: bool) -> Option<Finding> {
    let mut incompatible: Vec<Incompatible> = Vec::new();
    for found in signatures.iter().flat_map(|signature| signature.incompatible_with(new)) {
        if !incompatible.contains(&found) {
            incompatible.push(found);
        }
    }
    if incompatible.is_empty() {
        return None;
    }
    let places: Vec<String> = incompatible.iter().take(5).map(ToString::to_string).collect();
    let message = format!("it takes less than a signature that was declared: {}", places.join("; "));
    let (severity, remedy) = match unseen {
        true => (
            Severity::Error,
            "not all of its open jobs were checked: --sample all checks them, or let them end first",
        ),
        false => {
            (Severity::Warning, "whoever still publishes the older signature is refused, or its jobs fail")
        }
    };
    let mut finding = Finding::new(severity, Code::ArgumentsIncompatible, &task.task, message, remedy);
    finding.incompatible = incompatible;
    Some(finding)
}

fn moved(
    task: &InUse,
    signatures: &[Signature],
    new: &Signature,
    seen: Option<&SampleResult>,
) -> Option<Finding> {
    let name = signatures.iter().find_map(|signature| signature.moved_in(new))?;
    let by_position = seen.map_or(0, |seen| seen.by_position);
    let severity = if by_position > 0 { Severity::Error } else { Severity::Warning };
    let message = match by_position {
        0 => format!(
            "the argument `{name}` has another place now; no open job that was checked gives values by position"
        ),
        1 => format!(
            "the argument `{name}` has another place now, and 1 open job that was checked gives values by position"
        ),
        more => format!(
            "the argument `{name}` has another place now, and {more} open jobs that were checked give values by position"
        ),
    };
    let remedy = "put new arguments behind the others, and leave the order as it is";
    Some(Finding::new(severity, Code::ArgumentsMoved, &task.task, message, remedy))
}

fn no_worker(task: &InUse) -> Option<Finding> {
    let waiting = (task.ready + task.scheduled).unsigned_abs();
    let message = || format!("{} waiting, and no live worker has the task", at_least(task, waiting));
    let remedy = "start a worker of this program whose topics hold it";
    (waiting > 0 && task.workers == 0)
        .then(|| Finding::new(Severity::Warning, Code::NoWorker, &task.task, message(), remedy))
}

/// "3 jobs are", "at least 100000 jobs are".
fn at_least(task: &InUse, number: u64) -> String {
    match (task.exact, number) {
        (true, 1) => "1 job is".to_owned(),
        (true, _) => format!("{number} jobs are"),
        (false, _) => format!("at least {number} jobs are"),
    }
}

/// The declared signatures. One that cannot be read was declared by a newer version, and is left out.
fn signatures(task: &InUse) -> Vec<Signature> {
    let list = task
        .signatures
        .as_ref()
        .and_then(|signatures| signatures.as_array())
        .map(Vec::as_slice)
        .unwrap_or_default();
    list.iter()
        .filter_map(|signature| serde_json::from_value(signature.clone()).ok())
        .map(Signature::bare)
        .collect()
}

fn last_signature(task: &InUse) -> Option<Signature> {
    signatures(task).pop()
}
