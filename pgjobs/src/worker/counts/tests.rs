//! Tests the counts.

use std::time::Duration;

use super::*;

#[test]
fn outcomes_that_did_not_reach_the_database_are_in_no_other_count() {
    let counts = Counts::default();
    let (snooze, fail) = (Outcome::Snooze(Duration::ZERO), Outcome::Fail("no".to_owned()));
    for outcome in [&snooze, &snooze, &fail] {
        counts.outcome(outcome, false);
    }
    counts.opened(1); // a run of another worker is to be released
    counts.answered(&snooze, false);
    counts.answered(&Outcome::ReleaseUnknown, false);
    assert_eq!(counts.unsettled_all(), 2);
    let report = counts.report();
    assert_eq!((report.snoozed, report.failed, report.released, report.unsettled), (1, 0, 0, 2));
}

#[test]
fn a_job_that_starts_is_never_seen_in_neither_count() {
    const JOBS: usize = 200_000;
    let counts = Counts::default();
    counts.claimed(JOBS);
    std::thread::scope(|scope| {
        scope.spawn(|| (0..JOBS).for_each(|_| counts.started()));
        loop {
            let load = counts.load();
            assert_eq!(load.waiting + load.running, JOBS, "{load:?}");
            if load.waiting == 0 {
                break;
            }
        }
    });
}
