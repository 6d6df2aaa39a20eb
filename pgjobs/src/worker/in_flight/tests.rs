//! What is in flight, and who may report its outcome.

use super::*;
use crate::db::claimed::Claimed;

fn job(started: bool) -> Arc<Job> {
    Arc::new(Job::example(Claimed { started, ..Claimed::example("a", 1) }))
}

#[test]
fn a_heartbeat_that_fails_says_the_same_again() {
    let (held, job) = (InFlight::default(), job(false));
    held.claim(std::slice::from_ref(&job), Instant::now());
    held.begin(&job);
    for _ in 0..2 {
        let told = held.to_tell(Duration::ZERO);
        assert_eq!((told.late.len(), told.started.len()), (1, 1));
    }
    held.were_told(&held.to_tell(Duration::ZERO));
    let told = held.to_tell(Duration::ZERO);
    assert_eq!((told.late.len(), told.started.len()), (0, 0));
}

#[test]
fn a_run_is_in_flight_until_its_outcome_was_answered() {
    let (held, job) = (InFlight::default(), job(true));
    let run = key(&job);
    held.claim(std::slice::from_ref(&job), Instant::now());
    assert!(held.runs().contains(&run));
    held.take(&job, || {});
    assert!(held.runs().contains(&run) && !held.holds(&job), "its outcome is on its way");
    held.were_settled(std::iter::once(run));
    assert!(held.runs().is_empty());
    held.claim(std::slice::from_ref(&job), Instant::now());
    assert_eq!(held.stop_all().len(), 1);
    assert!(held.runs().contains(&run), "it is released");
    held.were_settled(std::iter::once(run));
    held.claim(std::slice::from_ref(&job), Instant::now());
    assert_eq!((held.forget_all(), held.runs().len()), (1, 0), "others have it");
}

#[test]
fn a_cancel_that_comes_before_the_answer_to_the_claim_holds() {
    let (held, job) = (InFlight::default(), job(true));
    let (begun, unbegun) = held.cancel(&[key(&job)]);
    assert_eq!((begun.len(), unbegun), (0, 0));
    assert_eq!(held.claim(std::slice::from_ref(&job), Instant::now()), 1);
    assert!(!held.holds(&job) && !held.begin(&job));
}

#[test]
fn a_cancelled_run_that_has_not_begun_does_not_begin() {
    let (held, job) = (InFlight::default(), job(true));
    held.claim(std::slice::from_ref(&job), Instant::now());
    let (begun, unbegun) = held.cancel(&[key(&job)]);
    assert_eq!((begun.len(), unbegun), (0, 1));
    assert!(job.is_cancelled() && !held.begin(&job));
}

#[test]
fn what_waits_is_prolonged_each_time_and_is_not_started() {
    let (held, job) = (InFlight::default(), job(false));
    held.claim(std::slice::from_ref(&job), Instant::now());
    for _ in 0..2 {
        let told = held.to_tell(Duration::ZERO);
        assert_eq!((told.late.len(), told.started.len()), (1, 0));
        held.were_told(&told);
    }
    assert_eq!(held.stop_waiting().len(), 1);
    assert!(!held.begin(&job), "it was released, and must not begin");
}

#[test]
fn what_is_gathered_is_not_released_as_waiting_for_a_slot() {
    let (held, job) = (InFlight::default(), job(false));
    held.claim(std::slice::from_ref(&job), Instant::now());
    held.gather(&job);
    assert_eq!(held.stop_waiting().len(), 0);
    assert_eq!(held.stop_unbegun().len(), 1);
}
