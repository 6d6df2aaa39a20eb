//! What outcomes and an operator's commands do.

use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;
use sqlx::types::Uuid;

use super::database::Verified;
use super::job::SECOND;
use super::step::Step;

/// A run, as its worker or a client names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RunKey {
    pub(super) number: i64,
    pub(super) lease: Uuid,
    pub(super) batch_index: i32,
}

impl Step<'_> {
    /// Whether the job runs, under this lease if there is one.
    pub(super) fn runs(&self, number: i64, lease: Option<Uuid>) -> bool {
        let run = self.jobs.get(&number).and_then(|job| job.run());
        run.is_some_and(|run| lease.is_none_or(|lease| run.lease == lease))
    }

    /// Whether history knows this end under this lease.
    fn ended(&self, number: i64, lease: Option<Uuid>, status: &[&str]) -> bool {
        let end = self.jobs.get(&number).and_then(|job| job.end());
        lease.is_some() && end.is_some_and(|end| end.lease == lease && status.contains(&end.status.as_str()))
    }

    /// Returns what the ack must answer: the result in history, or a SQLSTATE.
    pub(super) fn ack(&mut self, number: i64, lease: Option<Uuid>, result: i64) -> Result<i64, &'static str> {
        if self.runs(number, lease) {
            self.end(number, "success", Some(result));
        } else if !self.ended(number, lease, &["success"]) {
            return Err(if lease.is_some() { "PT409" } else { "P0001" });
        }
        Ok(self.jobs[&number].end().and_then(|end| end.result).expect("a result"))
    }

    /// Returns the SQLSTATE with which the nack must be refused, if it must.
    pub(super) fn nack(
        &mut self,
        number: i64,
        lease: Option<Uuid>,
        error: &str,
        delay: Option<i64>,
        ensure_running: bool,
    ) -> Verified<Option<&'static str>> {
        let pending = self.jobs.get(&number).is_some_and(|job| job.is_pending());
        if !ensure_running && lease.is_none() && pending {
            return self.fail_pending(number, error, delay).map(|()| None);
        }
        if !self.runs(number, lease) {
            return Ok(Some(if lease.is_some() { "PT409" } else { "P0001" }));
        }
        self.charge(number, error, delay).map(|()| None)
    }

    /// A pending job is failed as if it had run for an instant, under a lease that nobody knows.
    fn fail_pending(&mut self, number: i64, error: &str, delay: Option<i64>) -> Verified {
        let now = self.now;
        self.jobs.get_mut(&number).expect("pending").attempt += 1;
        self.charge(number, error, delay)?;
        let lease = self.shown(number)?.end().and_then(|end| end.lease);
        if let super::job::State::Ended(end) = &mut self.jobs.get_mut(&number).expect("ended").state {
            (end.run_at, end.lease) = (Some(now), lease);
        }
        Ok(())
    }

    /// One outcome of a settle; returns what must be said of it, if anything.
    pub(super) fn settle(
        &mut self,
        key: RunKey,
        outcome: &str,
        result: i64,
        delay: Option<i64>,
    ) -> Verified<Option<&'static str>> {
        let (number, lease) = (key.number, Some(key.lease));
        if !self.runs(number, lease) {
            // A sweep may have ended the job under this lease; a success after that was not accepted.
            let ends: &[&str] = if outcome == "success" { &["success"] } else { &["success", "failed"] };
            let known = self.ended(number, lease, ends);
            let contradicts =
                self.ended(number, lease, &["success"]) && !matches!(outcome, "success" | "verify");
            return Ok(if contradicts { Some("finished") } else { (!known).then_some("lost") });
        }
        if self.locked.contains(&number) {
            return Ok(Some("busy"));
        }
        match outcome {
            "success" => self.end(number, "success", Some(result)),
            "fail" => {
                self.jobs.get_mut(&number).expect("running").traceback = Some("reason".into());
                self.end(number, "failed", None);
            }
            "retry" => self.charge(number, "reason", delay)?,
            "verify" => {
                self.charge(number, "reason", delay)?;
                return Ok(Some("undone"));
            }
            "snooze" => self.later(number, delay)?,
            "release" => self.release(number),
            other => return Err(TestCaseError::fail(other.to_owned())),
        }
        Ok(None)
    }

    /// Cancels what has not ended; returns what that is.
    pub(super) fn cancel(&mut self, numbers: &[i64]) -> Vec<i64> {
        let mut open: Vec<i64> = numbers
            .iter()
            .copied()
            .filter(|n| self.jobs.get(n).is_some_and(|job| job.end().is_none()))
            .collect();
        open.sort_unstable();
        open.dedup();
        for number in &open {
            self.end(*number, "cancelled", None);
            let job = self.job(*number);
            let error = job.traceback.take().map(|error| format!("\n{error}")).unwrap_or_default();
            job.traceback = Some(format!("cancelled by postgres{error}"));
        }
        open
    }

    /// Requeues what failed or was cancelled; returns what that is.
    pub(super) fn retry(&mut self, numbers: &[i64]) -> Verified<Vec<i64>> {
        let unsuccessful =
            |n: &i64| self.jobs.get(n).and_then(|job| job.end()).is_some_and(|end| end.status != "success");
        let mut requeued: Vec<i64> = numbers.iter().copied().filter(unsuccessful).collect();
        requeued.sort_unstable();
        requeued.dedup();
        for number in &requeued {
            let job = self.jobs.get_mut(number).expect("ended");
            (job.retries, job.scheduled_at) = (0, None);
            job.state = super::job::State::Pending { row: *number };
            self.give_ready_seq(*number)?;
        }
        Ok(requeued)
    }

    /// Takes pending jobs of the topic out for good: as many as asked for, in whole rows.
    pub(super) fn purge(&mut self, topic: &str, limit: usize, purged: usize) -> Verified {
        let under = self.free().filter(|job| job.is_pending() && super::job::falls_under(&job.task, topic));
        let under: Vec<(i64, Option<i64>)> = under.map(|job| (job.number, job.row())).collect();
        let (gone, left): (Vec<_>, Vec<_>) =
            under.into_iter().partition(|job| !self.seen.contains_key(&job.0));
        prop_assert_eq!(gone.len(), purged, "as many as it says");
        let largest = |row: Option<i64>| gone.iter().filter(|job| job.1 == row).count();
        let spare = gone.iter().map(|job| largest(job.1)).max().unwrap_or(0).saturating_sub(1);
        let enough = if left.is_empty() { purged } else { purged.clamp(limit, limit + spare) };
        prop_assert_eq!(purged, enough, "purged with {} left, of {}", left.len(), limit);
        for job in &gone {
            self.jobs.remove(&job.0);
        }
        Ok(())
    }
}

pub(super) fn seconds(delay: Option<i64>) -> String {
    delay.map_or("null".into(), |delay| delay.to_string())
}

pub(super) fn time(at: Option<i64>) -> String {
    at.map_or("null".into(), |at| {
        format!("'epoch'::timestamptz + interval '{} s {} us'", at / SECOND, at % SECOND)
    })
}
