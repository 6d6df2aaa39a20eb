//! The stages of a pick-up: where the time goes from a publish to the start of the run.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::figures::Pickup;
use crate::cli::output::failure::Failure;
use crate::task::job::ClaimTimes;

/// When each stage of one pick-up ended.
pub(crate) struct Times {
    /// The publish was sent.
    pub(crate) asked: Instant,
    /// The publish was answered.
    pub(crate) published: Instant,
    pub(crate) claim: ClaimTimes,
    pub(crate) began: Instant,
}

/// The publish call runs beside the other stages, which follow each other.
#[derive(Serialize)]
pub(crate) struct Stages {
    pub(crate) publish_call: Pickup,
    /// From the publish being sent to the notification in the worker: the statement, its commit, NOTIFY.
    pub(crate) notify: Pickup,
    /// From the notification to the claim being sent.
    pub(crate) wake: Pickup,
    /// From there to the answer.
    pub(crate) claim: Pickup,
    /// From the answer to the first instruction of the task.
    pub(crate) start: Pickup,
}

impl Stages {
    /// Jobs that were claimed without a notification of their own are left out of the stages before the claim.
    pub(crate) fn of(times: &[Times]) -> Result<Self, Failure> {
        let notified = |time: &Times| time.claim.notified.filter(|at| *at > time.asked);
        Ok(Stages {
            publish_call: stage(times, |time| Some(time.published - time.asked))?,
            notify: stage(times, |time| Some(notified(time)? - time.asked))?,
            wake: stage(times, |time| Some(time.claim.sent.saturating_duration_since(notified(time)?)))?,
            claim: stage(times, |time| Some(time.claim.answered - time.claim.sent))?,
            start: stage(times, |time| Some(time.began.saturating_duration_since(time.claim.answered)))?,
        })
    }

    /// Each stage with what it is called in the report.
    pub(crate) fn named(&self) -> [(&'static str, &Pickup); 5] {
        [
            ("  publish call", &self.publish_call),
            ("  publish sent, notified", &self.notify),
            ("  notified, claim sent", &self.wake),
            ("  claim sent, answered", &self.claim),
            ("  answered, run begins", &self.start),
        ]
    }
}

fn stage(times: &[Times], span: impl Fn(&Times) -> Option<Duration>) -> Result<Pickup, Failure> {
    Pickup::of(times.iter().filter_map(span))
}
