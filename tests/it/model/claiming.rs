//! What a claim promises.

use std::collections::BTreeSet;

use proptest::{prop_assert, prop_assert_eq};
use sqlx::types::Uuid;

use super::database::Verified;
use super::job::{Job, SECOND, falls_under};
use super::step::{Step, Taken};

impl Step<'_> {
    /// A plain client's claim: what is ready, then what came due or expired, never more than asked for.
    pub(super) fn consume(&mut self, topic: &str, num: usize, got: &[(i64, Uuid)]) -> Verified {
        let under = |task: &str| falls_under(task, topic);
        let ready = self.free().any(|job| job.is_ready() && under(&job.task));
        let first = got.iter().take_while(|run| ready && run.1 == got[0].1).count();
        self.consume_round(&under, num, &got[..first])?;
        let left = num - first;
        let mut more = 0;
        if left > 0 {
            // Of plain clients and of this topic: it may keep its transaction open.
            let plain = |job: &Job| under(&job.task) && job.run().is_some_and(|run| run.worker.is_none());
            more = self.promote(left, i64::MIN, &|job| under(&job.task))?;
            more += self.expire(left - more, &plain)?;
        }
        if more > 0 {
            self.consume_round(&under, left, &got[first..])
        } else {
            prop_assert_eq!(got.len(), first, "more than was ready");
            Ok(())
        }
    }

    fn consume_round(&mut self, tasks: &dyn Fn(&str) -> bool, num: usize, got: &[(i64, Uuid)]) -> Verified {
        let numbers: Vec<i64> = got.iter().map(|run| run.0).collect();
        self.check_claim(tasks, num, &numbers)?;
        let turns: Vec<_> = numbers.iter().map(|number| self.jobs[number].turn()).collect();
        prop_assert!(turns.is_sorted(), "out of order: {:?}", &turns);
        for (number, lease) in got {
            self.take(&Taken { number: *number, lease: *lease, batch_index: None, worker: None })?;
        }
        Ok(())
    }

    /// A worker's claim, which first promotes what came due in the last ten seconds. Within a batch, runs
    /// are in the order of the queue.
    pub(super) fn claim(&mut self, tasks: &[&str], num: usize, got: &[Taken]) -> Verified {
        let since = self.now - 10 * SECOND;
        let recent = |job: &Job| {
            job.ready_seq.is_none() && job.scheduled_at.is_some_and(|at| at > since && at <= self.now)
        };
        // Whether there are any is asked without a look at locks.
        if self.jobs.values().any(|job| job.is_pending() && recent(job)) {
            self.promote(1000, since, &|_| true)?;
        }
        let numbers: Vec<i64> = got.iter().map(|run| run.number).collect();
        self.check_claim(&|task| tasks.contains(&task), num, &numbers)?;
        for batch in got.chunk_by(|one, two| {
            one.batch_index.map(|batch_index| batch_index >> 6)
                == two.batch_index.map(|batch_index| batch_index >> 6)
        }) {
            let turns: Vec<_> = batch.iter().map(|run| self.jobs[&run.number].turn()).collect();
            prop_assert!(turns.is_sorted(), "out of order in a batch: {:?}", &turns);
        }
        for run in got {
            self.take(run)?;
        }
        Ok(())
    }

    fn check_claim(&self, tasks: &dyn Fn(&str) -> bool, num: usize, got: &[i64]) -> Verified {
        let ready = |job: &&Job| job.is_ready() && tasks(&job.task);
        let mut queue: Vec<&Job> = self.free().filter(ready).collect();
        queue.sort_by_key(|job| job.turn());
        let queue_of =
            |task: &str| queue.iter().filter(|job| job.task == task).map(|job| job.number).collect();
        let chosen: BTreeSet<i64> = got.iter().copied().collect();
        prop_assert_eq!(chosen.len(), got.len(), "claimed twice");
        prop_assert!(got.len() <= num, "{} of {}", got.len(), num);
        prop_assert!(
            queue.is_empty() || !got.is_empty(),
            "{:?} are ready and free, and nothing was claimed",
            &queue
        );
        // Of each task, those whose turn it is; nobody who is free is passed over.
        let mut expected = 0;
        for task in queue.iter().map(|job| job.task.as_str()).collect::<BTreeSet<_>>() {
            let of_task: Vec<i64> = queue_of(task);
            let first = of_task.iter().take_while(|number| chosen.contains(number)).count();
            prop_assert_eq!(
                of_task.iter().filter(|number| chosen.contains(number)).count(),
                first,
                "passed over"
            );
            expected += first;
        }
        prop_assert_eq!(expected, got.len(), "claimed what is not ready or not free");
        self.check_fill(&queue, num, &chosen, self.jobs.values().filter(ready).count())
    }

    /// A claim is filled, and filled by priority over all tasks. Packed rows may end it earlier, and
    /// rows that others have locked may cost the order among tasks.
    fn check_fill(&self, queue: &[&Job], num: usize, chosen: &BTreeSet<i64>, ready: usize) -> Verified {
        let full = num.min(queue.len());
        let packed = self.jobs.values().any(|job| job.is_ready() && job.row() != Some(job.number));
        let nobody_locks = ready == queue.len();
        if !packed {
            prop_assert_eq!(chosen.len(), full, "not filled");
        }
        let sure = if packed { full.min(1) } else { full };
        if nobody_locks {
            let first: Vec<i64> = queue[..sure].iter().map(|job| job.number).collect();
            prop_assert!(
                first.iter().all(|number| chosen.contains(number)),
                "{:?} come before {:?}",
                first,
                chosen
            );
        }
        Ok(())
    }
}
