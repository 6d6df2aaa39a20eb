//! What publishing does.

use proptest::prop_assert;

use super::database::Verified;
use super::job::{Job, SECOND, State};
use super::operation::New;
use super::step::Step;

impl Step<'_> {
    /// New jobs are ready in the order of the call, behind all others, unless they are due later.
    pub(super) fn publish(&mut self, jobs: &[New], published: &[(i64, String)]) -> Verified {
        prop_assert!(published.len() == jobs.len(), "{} of {}", published.len(), jobs.len());
        let mut last = self.last_seq;
        for (new, (number, id)) in jobs.iter().zip(published) {
            prop_assert!(*number > last, "number {} after {}", number, last);
            last = *number;
            let scheduled_at = new.delay.map(|delay| self.now + delay * SECOND);
            let job = Job {
                number: *number,
                id: id.clone(),
                task: new.task.to_owned(),
                priority: new.priority,
                timeout: new.timeout,
                retries: 0,
                max_retries: new.max_retries,
                attempt: 0,
                scheduled_at,
                traceback: None,
                ready_seq: Some(*number).filter(|_| scheduled_at <= Some(self.now)),
                state: State::Pending { row: *number },
            };
            self.jobs.insert(*number, job);
        }
        Ok(())
    }

    /// Packed jobs take as few rows as can be, of about the same size.
    pub(super) fn pack(&mut self, published: &[(i64, String)]) {
        let (size, rows) = (published.len(), published.len().div_ceil(64));
        let row_of = |nth: usize| nth * rows / size;
        for (nth, (number, _)) in published.iter().enumerate() {
            let first = (0..=nth).find(|other| row_of(*other) == row_of(nth)).expect("itself at the latest");
            if let Some(job) = self.jobs.get_mut(number) {
                job.state = State::Pending { row: published[first].0 };
            }
        }
    }
}
