//! The settle loop: verdicts to the database, in batches.
//!
//! While one batch is on its way the next gathers, and under load a small one waits a moment for more, so
//! batches are as large as the load asks for and a lone verdict leaves at once. A batch that fails is sent again until it arrives: an accepted
//! verdict that is said again changes nothing. What the database refuses for its content is sent one
//! by one, so that a single bad result spoils only its own job; and a job whose row another
//! transaction holds is said again later, so that it holds up no other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::decide::flush::{Flush, Step};
use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::sql::link::{self, Link};
use crate::sql::settle::{self, Answer, Settlement, Verdict};

/// The largest batch.
const BATCH: usize = 1000;
/// More than this is sent in parts: the server refuses a message of 1 GB by closing the connection, which
/// would be tried for ever.
const BYTES: usize = 64 << 20;

pub(super) async fn settle_loop(shared: Arc<Shared>, mut verdicts: mpsc::UnboundedReceiver<Settlement>) {
    let link = shared.link("settle", shared.settings.lease);
    let mut settler = Settler { shared, link, flush: Flush::default() };
    let mut batch = Vec::with_capacity(BATCH);
    while settler.fill(&mut verdicts, &mut batch).await {
        let before = batch.len();
        batch = settler.send(std::mem::take(&mut batch)).await;
        settler.note_settled(before - batch.len());
    }
    settler.link.close().await;
}

struct Settler {
    shared: Arc<Shared>,
    link: Link,
    flush: Flush,
}

impl Settler {
    /// Adds what has come to what is left; false at the end.
    async fn fill(
        &mut self,
        verdicts: &mut mpsc::UnboundedReceiver<Settlement>,
        batch: &mut Vec<Settlement>,
    ) -> bool {
        let again = batch.len();
        if again == 0 && !self.receive(verdicts, batch).await {
            return false;
        }
        while let Step::Gather(pause) = self.flush.next(batch.len(), again, self.shared.counts.load().waiting)
        {
            gather(verdicts, batch, pause).await;
        }
        self.shared.counts.settled(own(batch), 0);
        again == 0 || !self.is_too_late()
    }

    /// Waits for verdicts; false when none will come any more.
    async fn receive(
        &self,
        verdicts: &mut mpsc::UnboundedReceiver<Settlement>,
        batch: &mut Vec<Settlement>,
    ) -> bool {
        loop {
            tokio::select! {
                biased;
                received = verdicts.recv_many(batch, BATCH) => return received > 0,
                () = self.shared.stop.reached(Phase::Closing) => verdicts.close(),
            }
        }
    }

    /// Sends a batch and returns what has to be said again.
    async fn send(&mut self, mut batch: Vec<Settlement>) -> Vec<Settlement> {
        if batch.len() > 1 && batch.iter().map(Settlement::bytes).sum::<usize>() > BYTES {
            let rest = batch.split_off(batch.len() / 2);
            let mut busy = Box::pin(self.send(batch)).await;
            busy.extend(Box::pin(self.send(rest)).await);
            return busy;
        }
        match self.send_until_answered(&batch).await {
            Ok(answers) => self.keep_busy(batch, &answers),
            Err(error) if !link::is_about_content(&error) => Vec::new(), // too late; the lease will run out
            Err(error) if batch.len() == 1 => {
                refuse(&mut batch[0], &error);
                batch
            }
            Err(_) => {
                let mut busy = Vec::new();
                for settlement in batch {
                    busy.extend(Box::pin(self.send(vec![settlement])).await);
                }
                busy
            }
        }
    }

    async fn send_until_answered(&mut self, batch: &[Settlement]) -> Result<Vec<Answer>, Error> {
        loop {
            match self.link.call(async |connection| settle::settle(connection, batch).await).await {
                Err(error) if !link::is_about_content(&error) => {
                    if self.is_too_late() {
                        return Err(error);
                    }
                    let delay = self.link.retry_delay();
                    tracing::warn!(%error, verdicts = batch.len(), retry_in = ?delay, "settling failed");
                    tokio::time::sleep(delay).await;
                }
                answer => return answer,
            }
        }
    }

    fn keep_busy(&self, batch: Vec<Settlement>, answers: &[Answer]) -> Vec<Settlement> {
        if answers.is_empty() {
            return Vec::new();
        }
        let refused = answers.iter().filter(|answer| !answer.busy).filter_map(|answer| batch.get(answer.at));
        for lost in refused.filter(|settlement| settlement.verdict.is_lost_when_refused()) {
            self.shared.counts.settled(0, 1);
            tracing::warn!(job.id = %lost.job, "verdict refused: the lease was lost, another attempt counts");
        }
        let busy = |at: usize| answers.iter().any(|answer| answer.busy && answer.at == at);
        batch.into_iter().enumerate().filter(|(at, _)| busy(*at)).map(|(_, settlement)| settlement).collect()
    }

    fn note_settled(&self, jobs: usize) {
        self.shared.counts.settled(jobs, 0);
        self.shared.room.notify_one();
        if self.shared.settings.burst && self.shared.counts.open() == 0 {
            self.shared.work.notify_one(); // the last look before a burst ends comes after the last verdict
        }
    }

    fn is_too_late(&mut self) -> bool {
        self.flush.is_too_late(self.shared.stop.has_reached(Phase::Closing), Instant::now())
    }
}

/// A run that was taken for nobody's has its verdict here: that holds. Returns how many there were.
fn own(batch: &mut Vec<Settlement>) -> usize {
    let disowns = |settlement: &Settlement| matches!(settlement.verdict, Verdict::Disown);
    if !batch.iter().any(disowns) {
        return 0;
    }
    let (mut seen, before) = (HashSet::new(), batch.len());
    batch.retain(|settlement| seen.insert((settlement.lease, settlement.place)) || !disowns(settlement));
    before - batch.len()
}

/// Waits, and adds what has come by then.
async fn gather(
    verdicts: &mut mpsc::UnboundedReceiver<Settlement>,
    batch: &mut Vec<Settlement>,
    pause: Duration,
) {
    tokio::time::sleep(pause).await;
    while batch.len() < BATCH {
        let Ok(verdict) = verdicts.try_recv() else { break };
        batch.push(verdict);
    }
}

/// The database does not take this verdict: say so in the job instead.
fn refuse(settlement: &mut Settlement, error: &Error) {
    tracing::error!(job.id = %settlement.job, %error, "the database refused a verdict");
    let said = match &settlement.verdict {
        Verdict::Fail(text) | Verdict::Retry(text, _) => text.clone(),
        _ => "the run succeeded".to_owned(),
    };
    settlement.verdict = Verdict::Fail(format!("{said}; and the database refused this verdict: {error}"));
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::job_id::JobId;

    fn settlement(place: i32, verdict: Verdict) -> Settlement {
        Settlement { job: JobId::generate(), lease: Uuid::nil(), place, verdict }
    }

    #[test]
    fn a_verdict_goes_before_the_word_that_its_run_is_nobodys() {
        let fail = || Verdict::Fail("no".to_owned());
        let mut batch =
            vec![settlement(1, fail()), settlement(2, Verdict::Disown), settlement(1, Verdict::Disown)];
        assert_eq!(own(&mut batch), 1);
        let left: Vec<_> =
            batch.iter().map(|one| (one.place, matches!(one.verdict, Verdict::Disown))).collect();
        assert_eq!(left, [(1, false), (2, true)]);
        assert_eq!(own(&mut batch), 0);
    }

    #[tokio::test]
    async fn gathering_up_to_a_full_batch_loses_no_verdict() {
        let (sender, mut verdicts) = mpsc::unbounded_channel();
        let verdict = |place| settlement(place, Verdict::Release);
        (0..1005).for_each(|place| sender.send(verdict(place)).unwrap());
        let mut batch = vec![verdict(-1)];
        gather(&mut verdicts, &mut batch, Duration::ZERO).await;
        assert_eq!(batch.len(), BATCH);
        assert_eq!(verdicts.len(), 1005 + 1 - BATCH, "the rest waits for the next batch");
    }
}
