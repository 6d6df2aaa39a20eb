//! Handles an outcome that the database refuses even when it is sent alone.

use std::time::{Duration, Instant};

use super::Settler;
use crate::db::refusal::is_about_outcome;
use crate::db::settle::{self, Settlement};
use crate::types::error::Error;
use crate::worker::outage::words;
use crate::worker::outcome::{after_refusal, patience, rest};

/// The shortest time between two log messages about outcomes that are refused alone.
const REMINDER: Duration = Duration::from_secs(60);

impl Settler {
    /// Chooses what to send next for a run whose outcome was refused alone.
    pub(super) async fn after_refusal(
        &mut self,
        settlement: Settlement,
        error: &Error,
    ) -> Option<Settlement> {
        let refused_for = settlement.refused_since.map_or(Duration::ZERO, |since| since.elapsed());
        let is_persistent = patience(error).is_some_and(|patience| refused_for > patience);
        if is_about_outcome(error) || is_persistent {
            self.refuse(settlement, error).await
        } else {
            Some(self.send_later(settlement, error))
        }
    }

    /// Sends the outcome again after a pause: it was refused alone, for a reason that does not seem to be in
    /// it, such as a row that another transaction has locked or missing rights.
    fn send_later(&mut self, mut settlement: Settlement, error: &Error) -> Settlement {
        let now = Instant::now();
        let since = *settlement.refused_since.get_or_insert(now);
        settlement.rests_until = Some(now + rest(now.duration_since(since), error));
        if self.told.is_none_or(|told| now.duration_since(told) >= REMINDER) {
            self.told = Some(now);
            tracing::warn!(
                job.id = %settlement.job,
                error = words(error),
                "the database refuses an outcome; it is sent again until it is accepted, and so are others"
            );
        }
        settlement
    }

    /// Replaces an outcome that the database refuses whatever else it accepts.
    async fn refuse(&mut self, mut settlement: Settlement, error: &Error) -> Option<Settlement> {
        if settlement.refusals == 0 && self.is_refused_without_result(&settlement).await {
            return Some(self.send_later(settlement, error));
        }
        tracing::error!(job.id = %settlement.job, %error, "the database refused an outcome");
        settlement.refusals = settlement.refusals.saturating_add(1);
        let Some(next) = after_refusal(&settlement.outcome, settlement.refusals, error) else {
            self.shared.counts.unsettled(&settlement.outcome, settlement.is_last);
            self.shared.in_flight.were_settled(std::iter::once(settlement.run()));
            return None;
        };
        if let Some(outcome) = next {
            self.shared.counts.replaced(&settlement.outcome, &outcome, settlement.is_last);
            settlement.outcome = outcome;
        }
        Some(settlement)
    }

    /// Whether the database also refuses a success without its result: then the result is not the reason.
    async fn is_refused_without_result(&mut self, settlement: &Settlement) -> bool {
        let Some(bare) = settlement.without_result() else { return false };
        let tried = self.call(async |connection| settle::try_to_settle(connection, &bare).await).await;
        tried.inspect_err(|error| tracing::debug!(%error, "refused without its result as well")).is_err()
    }
}
