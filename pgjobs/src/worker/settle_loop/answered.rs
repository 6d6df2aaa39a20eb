//! Handles the answer to a batch: counts how its runs ended, and keeps what is to be sent again.

use std::time::Duration;

use super::Settler;
use crate::db::settle::{Answer, Outcome, Reason, Settlement};

impl Settler {
    /// Processes the answers to a batch; returns the outcomes to send again.
    pub(super) fn after_answer(&self, batch: Vec<Settlement>, answers: &[Answer]) -> Vec<Settlement> {
        let answered = batch.iter().enumerate().map(|(at, one)| (one, reason(answers, at)));
        let settled = || answered.clone().filter(|(_, reason)| *reason != Some(Reason::Busy));
        self.shared.in_flight.were_settled(settled().map(|(one, _)| one.run()));
        settled().for_each(|(one, _)| self.shared.counts.answered(&one.outcome, one.is_last));
        self.shared.meters.settled(answered.clone());
        let released =
            settled().filter(|(one, reason)| one.outcome.is_release_of_unknown() && reason.is_none()).count();
        if released > 0 {
            tracing::warn!(
                jobs = released,
                "the database had runs of this worker that it does not hold, after a failover or a lost answer; \
                 they were released"
            );
        }
        settled().for_each(|(one, reason)| reason.into_iter().for_each(|reason| self.note(one, reason)));
        let busy = |at| reason(answers, at) == Some(Reason::Busy);
        batch.into_iter().enumerate().filter(|(at, _)| busy(*at)).map(|(_, settlement)| settlement).collect()
    }

    /// Counts and logs what became of a run whose outcome was not taken as it was.
    fn note(&self, one: &Settlement, reason: Reason) {
        let (counts, outcome) = (&self.shared.counts, one.outcome.as_str());
        match (reason, &one.outcome) {
            (Reason::Busy, _) | (_, Outcome::ReleaseUnknown) => {}
            (Reason::Undone, _) => {
                counts.became(&one.outcome, &Outcome::Retry(String::new(), Duration::ZERO), one.is_last);
                tracing::warn!(
                    job.id = %one.job,
                    "the run counts as failed: the transaction in which its task finished the job was rolled back"
                );
            }
            (Reason::Lost, _) if one.is_lost_when_refused() => {
                counts.refused(&one.outcome, one.is_last);
                tracing::warn!(
                    job.id = %one.job,
                    outcome,
                    "outcome refused: the run no longer counts, since its job was cancelled or given to another"
                );
            }
            (Reason::Lost, _) if !one.was_finished_without_trace() => {}
            (_, Outcome::Success(_) | Outcome::Verify) => {}
            (Reason::Lost | Reason::Finished, _) => {
                counts.became(&one.outcome, &Outcome::Verify, one.is_last);
                tracing::warn!(
                    job.id = %one.job,
                    outcome,
                    "the job is a success: its task finished it in a transaction, and what it did afterwards does not count"
                );
            }
        }
    }
}

fn reason(answers: &[Answer], at: usize) -> Option<Reason> {
    answers.iter().find(|answer| answer.at == at).map(|answer| answer.reason)
}
