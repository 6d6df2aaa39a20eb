//! Decides when the jobs of a batch handler that were gathered begin their joint run.
//!
//! Gathered jobs hold their slots and leases, so waiting has to be of use: others can join as long as the joint
//! run is not full and a slot is free or may become so. Then the first job waits for as long as the handler's
//! linger. How many jobs are claimed is not changed for it: the slots that are free are exactly those that a
//! joint run can still take, and claims ask for as many.

use std::time::Instant;

/// The jobs of one batch handler that were gathered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gathered {
    pub(crate) jobs: usize,
    /// The most jobs of a joint run of this handler.
    pub(crate) most: usize,
    /// When the first of them has waited for the handler's linger.
    pub(crate) until: Instant,
}

/// The slots of the worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    pub(crate) all: usize,
    /// Those that hold gathered jobs, of any handler and any server.
    pub(crate) gathered: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The joint run begins.
    Run,
    /// It waits for more jobs, at most until then.
    Wait(Instant),
}

/// What to do with these jobs now.
pub(crate) fn next(gathered: Gathered, slots: Slots, now: Instant) -> Step {
    let is_full = gathered.jobs >= gathered.most;
    // Nothing runs that could free a slot, so nobody can join.
    let is_stuck = slots.gathered >= slots.all;
    if is_full || is_stuck || now >= gathered.until { Step::Run } else { Step::Wait(gathered.until) }
}

/// Whether a job may share its run with others.
///
/// A joint run that fails as a whole fails all of its jobs, and one of them may be the reason. So a job with a
/// failed run behind it runs alone, and is charged for no other; and so does one on its last run, since it
/// would end as failed for another's fault.
pub(crate) fn may_share(retries: i32, is_last_run: bool) -> bool {
    retries == 0 && !is_last_run
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LINGER: Duration = Duration::from_millis(50);

    fn decide(jobs: usize, gathered: usize, waited: Duration) -> &'static str {
        let first = Instant::now();
        let set = Gathered { jobs, most: 10, until: first + LINGER };
        match next(set, Slots { all: 20, gathered }, first + waited) {
            Step::Run => "run",
            Step::Wait(until) if until == first + LINGER => "wait",
            Step::Wait(_) => "wait for another time",
        }
    }

    #[test]
    fn a_lone_job_waits_for_the_linger_and_no_longer() {
        assert_eq!(decide(1, 1, Duration::ZERO), "wait");
        assert_eq!(decide(9, 9, LINGER - Duration::from_nanos(1)), "wait");
        assert_eq!(decide(1, 1, LINGER), "run");
    }

    #[test]
    fn a_full_joint_run_begins_at_once() {
        assert_eq!(decide(10, 10, Duration::ZERO), "run");
    }

    #[test]
    fn nobody_waits_when_gathered_jobs_hold_every_slot() {
        assert_eq!(decide(9, 20, Duration::ZERO), "run");
        assert_eq!(decide(9, 19, Duration::ZERO), "wait", "one slot may bring another");
    }

    #[test]
    fn a_job_that_failed_or_has_no_run_left_shares_its_run_with_none() {
        assert!(may_share(0, false));
        assert!(!may_share(1, false));
        assert!(!may_share(0, true));
    }
}
