//! What a worker counts and measures, with a handle for each series, made when it starts: so each is there from
//! the start and zero.
//!
//! Series of tasks are bounded: the first 200 by name have their own, the rest shares `other`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::policy::prefetch::Load;
use crate::db::settle::{Outcome, Reason, Settlement};
use crate::metrics::{self, Counter, Histogram, Label, MOST_TASKS, ON, OTHER, names};
use crate::task::job::Job;
use crate::task::registry::Registry;
use crate::types::command::{CommandState, KINDS};

mod gauges;

pub(super) use gauges::SlotsMeter;

use gauges::LoadMeter;

pub(super) struct Meters {
    /// Those of the tasks, and of `other` at the end.
    tasks: Vec<TaskMeters>,
    /// By every name under which jobs are published.
    by_name: HashMap<&'static str, Known>,
    pub(super) claim: Statement,
    pub(super) settle: Statement,
    heard: Histogram,
    claimed: Histogram,
    slot: Histogram,
    leases_lost: Counter,
    runs_lost: Counter,
    beats_missed: Counter,
    outages: Counter,
    gauges: LoadMeter,
}

struct Known {
    at: usize,
    slo: Option<Duration>,
}

struct TaskMeters {
    wait: Histogram,
    run: Histogram,
    end_to_end: Histogram,
    claimed: Counter,
    rejected: Counter,
    slo_missed: Counter,
    /// In the order of [`OUTCOMES`].
    settled: [Counter; 5],
}

/// A statement that workers send often: how long it takes, and how many jobs it is about.
pub(super) struct Statement {
    took: Histogram,
    jobs: Histogram,
}

impl Statement {
    fn new(took: &'static str, jobs: &'static str, server: &[Label]) -> Self {
        Statement { took: Histogram::new(took, server), jobs: Histogram::new(jobs, server) }
    }

    pub(super) fn sent(&self, jobs: usize, took: Duration) {
        self.took.took(took);
        self.jobs.record(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
    }
}

/// The values of label `outcome`.
const OUTCOMES: [&str; 5] = ["success", "failed", "retry", "snooze", "release"];
const SUCCESS: usize = 0;
const FAILED: usize = 1;
const RETRY: usize = 2;

fn place(outcome: &Outcome, is_last: bool) -> usize {
    match outcome {
        Outcome::Success(_) | Outcome::Verify => SUCCESS,
        Outcome::Fail(_) => FAILED,
        Outcome::Retry(..) if is_last => FAILED,
        Outcome::Retry(..) => RETRY,
        Outcome::Snooze(_) => 3,
        Outcome::Release | Outcome::ReleaseUnknown => 4,
    }
}

impl TaskMeters {
    fn new(task: &str, server: &[Label]) -> Self {
        let of_task = [&[("task", task.to_owned())], server].concat();
        let settled = |outcome: &str| {
            Counter::new(names::SETTLED, &[&*of_task, &[("outcome", outcome.to_owned())]].concat())
        };
        TaskMeters {
            wait: Histogram::new(names::WAIT, &of_task),
            run: Histogram::new(names::RUN, &of_task),
            end_to_end: Histogram::new(names::END_TO_END, &of_task),
            claimed: Counter::new(names::CLAIMED, &of_task),
            rejected: Counter::new(names::REJECTED, &of_task),
            slo_missed: Counter::new(names::SLO_MISSED, &of_task),
            settled: OUTCOMES.map(settled),
        }
    }
}

fn stage(name: &str, server: &[Label]) -> Histogram {
    Histogram::new(names::PICKUP, &[&[("stage", name.to_owned())], server].concat())
}

impl Meters {
    /// `server`: its name, where the worker has several.
    pub(super) fn new(registry: &Registry, server: Option<&str>) -> Self {
        metrics::describe();
        let server: Vec<Label> = server.map(|name| ("server", name.to_owned())).into_iter().collect();
        for kind in KINDS.iter().chain(&[OTHER]) {
            ENDS.iter().for_each(|end| metrics::command(kind, end.as_str(), 0));
        }
        let (tasks, by_name) = if ON { tasks(registry, &server) } else { Default::default() };
        Meters {
            tasks,
            by_name,
            claim: Statement::new(names::CLAIM, names::CLAIM_JOBS, &server),
            settle: Statement::new(names::SETTLE, names::SETTLE_JOBS, &server),
            heard: stage("heard", &server),
            claimed: stage("claim", &server),
            slot: stage("slot", &server),
            leases_lost: Counter::new(names::LEASES_LOST, &server),
            runs_lost: Counter::new(names::RUNS_LOST, &server),
            beats_missed: Counter::new(names::BEATS_MISSED, &server),
            outages: Counter::new(names::OUTAGES, &server),
            gauges: LoadMeter::new(&server),
        }
    }

    /// The place of a task among its meters, for what is counted later.
    pub(super) fn place(&self, task: &str) -> usize {
        self.by_name.get(task).map_or(self.tasks.len().saturating_sub(1), |known| known.at)
    }

    /// Jobs arrived by one claim, in order of their tasks more or less.
    pub(super) fn arrived<'a>(&self, jobs: impl Iterator<Item = &'a Job>) {
        if !ON {
            return;
        }
        each_row(jobs.map(Job::task), |task, jobs| {
            self.tasks.get(self.place(task)).into_iter().for_each(|meters| meters.claimed.add(jobs));
        });
    }

    /// A claim was sent and answered at these times, after a notification or without one.
    pub(super) fn picked_up(&self, notified: Option<Instant>, sent: Instant, answered: Instant) {
        if let Some(notified) = notified {
            self.heard.took(sent.saturating_duration_since(notified));
        }
        self.claimed.took(answered.saturating_duration_since(sent));
    }

    /// A run has ended that began at this time.
    pub(super) fn ran(&self, job: &Job, began: Instant, outcome: &Outcome) {
        let Some(known) = self.by_name.get(job.task()).filter(|_| ON) else { return };
        let Some(meters) = self.tasks.get(known.at) else { return };
        let (times, claimed) = (job.times(), job.run_at());
        let since = |due: DateTime<Utc>| (claimed - due).to_std().unwrap_or_default() + times.sent.elapsed();
        let took = began.elapsed();
        self.slot.took(began.saturating_duration_since(times.answered));
        meters.wait.took(since(job.due_at()).saturating_sub(took));
        meters.run.took(took);
        if matches!(place(outcome, job.is_last_run()), SUCCESS | FAILED) {
            let all = since(job.first_due_at());
            meters.end_to_end.took(all);
            if known.slo.is_some_and(|slo| all > slo) {
                meters.slo_missed.add(1);
            }
        }
    }

    /// The database has answered these outcomes, each with the reason for which it was not taken as it was.
    pub(super) fn settled<'a>(&self, answered: impl Iterator<Item = (&'a Settlement, Option<Reason>)>) {
        if !ON {
            return;
        }
        let ends = answered.filter_map(|(one, reason)| Some((one.meter, end(one, reason)?)));
        each_row(ends, |(task, end), runs| {
            let Some(meters) = self.tasks.get(task) else { return };
            meters.settled.get(end).unwrap_or(&meters.rejected).add(runs);
        });
    }

    /// The database had declared this worker dead, which stopped these runs.
    pub(super) fn lost(&self, runs: usize) {
        self.leases_lost.add(1);
        self.runs_lost.add(runs as u64);
    }

    pub(super) fn missed_beat(&self) {
        self.beats_missed.add(1);
    }

    pub(super) fn outages(&self, number: u64) {
        self.outages.add(number);
    }

    /// Shows how many jobs it has.
    pub(super) fn show(&self, load: Load) {
        self.gauges.show(load);
    }
}

/// The ends of a command, but for one that waits.
const ENDS: [CommandState; 3] = [CommandState::Applied, CommandState::Refused, CommandState::Expired];

/// A command has ended like this.
pub(super) fn command(kind: &str, state: CommandState) {
    metrics::command(if KINDS.contains(&kind) { kind } else { OTHER }, state.as_str(), 1);
}

fn tasks(registry: &Registry, server: &[Label]) -> (Vec<TaskMeters>, HashMap<&'static str, Known>) {
    let all = registry.tasks();
    let mut meters: Vec<_> =
        all.iter().take(MOST_TASKS).map(|def| TaskMeters::new(def.name, server)).collect();
    let other = meters.len();
    meters.push(TaskMeters::new(OTHER, server));
    let mut by_name = HashMap::new();
    for (at, def) in all.iter().enumerate() {
        by_name.extend(def.names().map(|name| (name, Known { at: at.min(other), slo: def.options.slo })));
    }
    (meters, by_name)
}

/// What became of a run: a place in [`OUTCOMES`], or beyond them when its outcome was rejected. `None`: nothing
/// yet, or it was no run of this worker.
fn end(one: &Settlement, reason: Option<Reason>) -> Option<usize> {
    match (reason, &one.outcome) {
        (Some(Reason::Busy), _) | (_, Outcome::ReleaseUnknown) => None,
        (Some(Reason::Undone), _) => Some(if one.is_last { FAILED } else { RETRY }),
        (Some(Reason::Lost), _) if one.is_lost_when_refused() => Some(OUTCOMES.len()),
        (Some(Reason::Finished), _) => Some(SUCCESS),
        (Some(Reason::Lost), _) if one.was_finished_without_trace() => Some(SUCCESS),
        (_, outcome) => Some(place(outcome, one.is_last)),
    }
}

/// Calls this for each row of equal elements, with their number: neighbours are mostly equal.
fn each_row<T: PartialEq + Copy>(all: impl Iterator<Item = T>, mut call: impl FnMut(T, u64)) {
    let mut row: Option<(T, u64)> = None;
    for one in all {
        row = match row {
            Some((of, number)) if of == one => Some((of, number + 1)),
            Some((of, number)) => {
                call(of, number);
                Some((one, 1))
            }
            None => Some((one, 1)),
        };
    }
    if let Some((of, number)) = row {
        call(of, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_counted_together_and_none_is_left_out() {
        let mut rows = Vec::new();
        each_row([1, 1, 2, 1, 1, 1].into_iter(), |of, number| rows.push((of, number)));
        assert_eq!(rows, [(1, 2), (2, 1), (1, 3)]);
        each_row(std::iter::empty::<u8>(), |_, _| unreachable!());
    }
}
