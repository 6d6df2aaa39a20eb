//! The settle loop: sends outcomes to the database, in batches.
//!
//! While one batch is being sent the next one gathers, and under load a small batch waits a moment for more
//! outcomes. So batches are as large as the load requires, and a lone outcome is sent at once. A batch that
//! fails is sent again until it arrives: an accepted outcome that is sent again changes nothing. When the
//! database refuses a batch for its content, the loop sends the outcomes one by one, so that a single bad
//! result spoils only its own job. When another transaction has locked the row of a job, the loop sends the
//! outcome again later, so that it delays no other.
//!
//! A failure that the database refuses for its content is never sent again unchanged. A success is sent once
//! more, because the reason for its refusal may have passed and its result would be lost. A success becomes a
//! failure only if the database would accept it without its result: otherwise the result is not the reason,
//! and the success is sent again until it is accepted. An outcome that is refused for the state of the server
//! or the schema is sent again for as long as the worker lives.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::mpsc;

use super::outage::{self, Call};
use super::policy::settle_batching::{Flush, Step};
use super::shared::Shared;
use super::shutdown::Phase;
use crate::db::connection::{DbConnection, unconfirmed};
use crate::db::refusal::{is_about_outcome, is_about_server, may_be_done};
use crate::db::settle::{self, Answer, Outcome, Settlement};
use crate::types::error::Error;

/// The name of this loop in the log and of its connection.
pub(super) const PART: &str = outage::SETTLE;

/// The largest batch of outcomes.
const BATCH: usize = 1000;
/// What happens to runs whose outcomes did not reach the database.
pub(super) const RUN_AGAIN: &str = "their jobs run again when their lease ends";
/// A batch of more bytes is sent in parts: the server refuses a message of 1 GB by closing the connection,
/// and the loop would send it again for ever.
const BYTES: usize = 64 << 20;

/// A batch that the server refuses this often, while the server itself works, is sent one by one.
const TRIES: usize = 5;

pub(super) async fn settle_loop(
    shared: Arc<Shared>,
    db: DbConnection,
    mut outcomes: mpsc::UnboundedReceiver<Settlement>,
) {
    let mut settler = Settler { shared, db, flush: Flush::default(), told: None };
    let mut batch = Vec::with_capacity(BATCH);
    while settler.fill(&mut outcomes, &mut batch).await {
        let before = batch.len();
        batch = settler.send(std::mem::take(&mut batch)).await;
        settler.note_settled(before - batch.len());
    }
    settler.give_up(batch, outcomes);
    settler.db.close().await;
}

struct Settler {
    shared: Arc<Shared>,
    db: DbConnection,
    flush: Flush,
    /// When the log last reported a refused outcome.
    told: Option<Instant>,
}

impl Settler {
    /// Adds new outcomes to those that are left; false at the end.
    async fn fill(
        &mut self,
        outcomes: &mut mpsc::UnboundedReceiver<Settlement>,
        batch: &mut Vec<Settlement>,
    ) -> bool {
        let again = batch.len();
        if again == 0 && !self.receive(outcomes, batch).await {
            return false;
        }
        while let Step::Gather(pause) = self.flush.next(batch.len(), again, self.shared.counts.load().waiting)
        {
            gather(outcomes, batch, pause).await;
        }
        self.shared.counts.settled(own(batch));
        again == 0 || !self.is_too_late()
    }

    /// Waits for outcomes; false when no more will come.
    async fn receive(
        &self,
        outcomes: &mut mpsc::UnboundedReceiver<Settlement>,
        batch: &mut Vec<Settlement>,
    ) -> bool {
        loop {
            tokio::select! {
                biased;
                received = outcomes.recv_many(batch, BATCH) => return received > 0,
                () = self.shared.stop.reached(Phase::Closing) => outcomes.close(),
            }
        }
    }

    /// Sends a batch and returns the outcomes to send again. An outcome that the database refused alone is
    /// sent alone, after a pause, so that it delays no other.
    async fn send(&mut self, mut batch: Vec<Settlement>) -> Vec<Settlement> {
        let refused: Vec<_> = batch.extract_if(.., |one| one.refused_since.is_some()).collect();
        let mut again = self.send_together(batch).await;
        for settlement in refused {
            match settlement.rests_until {
                Some(until) if until > Instant::now() => again.push(settlement),
                _ => again.extend(self.send_alone(settlement).await),
            }
        }
        again
    }

    async fn send_together(&mut self, mut batch: Vec<Settlement>) -> Vec<Settlement> {
        if batch.is_empty() {
            return batch;
        }
        if batch.len() > 1 && batch.iter().map(Settlement::bytes).sum::<usize>() > BYTES {
            let rest = batch.split_off(batch.len() / 2);
            let mut again = Box::pin(self.send_together(batch)).await;
            again.extend(Box::pin(self.send_together(rest)).await);
            return again;
        }
        match self.send_until_answered(&mut batch, TRIES).await {
            Ok(answers) => self.after_answer(batch, &answers),
            Err(error) if is_about_server(&error) => batch, // no time is left
            Err(error) => {
                let (mut again, is_alone) = (Vec::new(), batch.len() == 1);
                for settlement in batch {
                    if is_alone {
                        again.extend(self.after_refusal(settlement, &error).await);
                    } else {
                        again.extend(self.send_alone(settlement).await);
                    }
                }
                again
            }
        }
    }

    async fn send_alone(&mut self, settlement: Settlement) -> Vec<Settlement> {
        let mut batch = vec![settlement];
        match self.send_until_answered(&mut batch, 1).await {
            Ok(answers) => self.after_answer(batch, &answers),
            Err(error) if is_about_server(&error) => batch,
            Err(error) => match batch.pop() {
                Some(settlement) => self.after_refusal(settlement, &error).await.into_iter().collect(),
                None => batch,
            },
        }
    }

    /// Sends until the server accepts the batch, or has refused it `tries` times for a reason other than its
    /// own state.
    async fn send_until_answered(
        &mut self,
        batch: &mut [Settlement],
        tries: usize,
    ) -> Result<Vec<Answer>, Error> {
        let mut refusals = 0;
        loop {
            if let Err(error) = self.send_last_words(batch).await {
                if self.is_too_late() {
                    return Err(error);
                }
                self.rest().await;
                continue;
            }
            let begun = Instant::now();
            let settled = self.call(async |connection| settle::settle(connection, batch).await);
            let error = match settled.await {
                Ok(answers) => {
                    self.shared.outage.went_well(PART, Call::Settle);
                    self.shared.meters.settle.sent(batch.len(), begun.elapsed());
                    self.shared.announcing.wrote(true);
                    return Ok(answers);
                }
                Err(error) => error,
            };
            if may_be_done(&error) {
                batch.iter_mut().for_each(|settlement| settlement.was_said = true);
            }
            if is_about_server(&error) {
                self.shared.outage.failed(PART, Call::Settle, &error, self.db.opened());
            } else {
                refusals += 1;
            }
            if is_about_outcome(&error) || refusals >= tries || self.is_too_late() {
                return Err(error);
            }
            self.rest().await;
        }
    }

    /// Waits before the next attempt.
    async fn rest(&self) {
        tokio::select! {
            () = tokio::time::sleep(self.db.retry_delay()) => {}
            () = self.shared.stop.reached(Phase::Late) => {}
        }
    }

    /// Makes a database call, and cancels it when no time is left.
    async fn call<T>(
        &mut self,
        statements: impl AsyncFnOnce(&mut PgConnection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = self.shared.clone();
        tokio::select! {
            biased;
            outcome = self.db.call(statements) => outcome,
            () = shared.stop.reached(Phase::Late) => Err(unconfirmed("the worker has ended".to_owned())),
        }
    }

    fn note_settled(&self, jobs: usize) {
        self.shared.counts.settled(jobs);
        self.shared.room.notify_one();
        if self.shared.settings.burst && self.shared.counts.open() == 0 {
            self.shared.work.notify_one(); // the last claim of a burst comes after its last outcome
        }
    }

    /// Gives up the outcomes that have not reached the database: the leases of these runs expire.
    fn give_up(&self, mut batch: Vec<Settlement>, mut outcomes: mpsc::UnboundedReceiver<Settlement>) {
        outcomes.close();
        while let Ok(settlement) = outcomes.try_recv() {
            batch.push(settlement);
        }
        self.shared.counts.settled(batch.len());
        batch.retain(|settlement| !matches!(settlement.outcome, Outcome::ReleaseUnknown));
        for Settlement { job, outcome, is_last, .. } in &batch {
            self.shared.counts.unsettled(outcome, *is_last);
            tracing::debug!(job.id = %job, outcome = outcome.as_str(), "it did not reach the database");
        }
        if !batch.is_empty() {
            tracing::error!("{} outcomes did not reach the database; {RUN_AGAIN}", batch.len());
        }
    }

    fn is_too_late(&mut self) -> bool {
        self.shared.stop.has_reached(Phase::Late)
            || self.flush.is_too_late(self.shared.stop.has_reached(Phase::Closing), Instant::now())
    }
}

/// Drops each `ReleaseUnknown` whose run has an earlier outcome in the batch: the earlier one counts. Returns
/// how many were dropped.
fn own(batch: &mut Vec<Settlement>) -> usize {
    let is_unknown = |settlement: &Settlement| matches!(settlement.outcome, Outcome::ReleaseUnknown);
    if !batch.iter().any(is_unknown) {
        return 0;
    }
    let (mut seen, before) = (HashSet::new(), batch.len());
    batch.retain(|settlement| seen.insert(settlement.run()) || !is_unknown(settlement));
    before - batch.len()
}

/// Waits, and then adds the outcomes that have arrived.
async fn gather(
    outcomes: &mut mpsc::UnboundedReceiver<Settlement>,
    batch: &mut Vec<Settlement>,
    pause: Duration,
) {
    tokio::time::sleep(pause).await;
    // Outcomes that are sent alone do not count.
    let most = BATCH + batch.iter().filter(|settlement| settlement.refused_since.is_some()).count();
    while batch.len() < most {
        let Ok(outcome) = outcomes.try_recv() else { break };
        batch.push(outcome);
    }
}

mod answered;
mod last_words;
mod refused;
#[cfg(test)]
mod tests;
