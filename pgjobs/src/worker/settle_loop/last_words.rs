//! Sends what is left to say of runs, before their outcomes.

use super::{PART, Settler};
use crate::db::progress;
use crate::db::refusal::{is_late, is_outage};
use crate::db::settle::Settlement;
use crate::task::notes;
use crate::types::error::Error;
use crate::worker::outage::{Call, words};

impl Settler {
    /// Sends the last words of these runs, if they have any that do not go with the outcome. An error: the
    /// database is away, and they have to be sent again. What the database refuses is dropped, because the
    /// outcome matters more.
    pub(super) async fn send_last_words(&mut self, batch: &mut [Settlement]) -> Result<(), Error> {
        let (runs, drafts): (Vec<_>, Vec<notes::Draft>) =
            self.shared.last_words.take(batch.iter().map(Settlement::run)).into_iter().unzip();
        let parted: Vec<String> = batch.iter().filter_map(parted).collect();
        let said = drafts.iter().map(|draft| &draft.json).chain(&parted).map(String::as_str);
        let number = drafts.len() + parted.len();
        if number == 0 {
            return Ok(());
        }
        let (worker, json) = (self.shared.identity(), notes::array(said));
        let sent = self.call(async |connection| progress::note(connection, worker, &json).await).await;
        match sent {
            Ok(()) => drafts.iter().for_each(notes::Draft::was_stored),
            Err(error) if is_outage(&error) && !is_late(&error) => {
                let ends = runs.into_iter().zip(drafts);
                ends.for_each(|(run, draft)| self.shared.last_words.add(run, draft.notes));
                self.shared.outage.failed(PART, Call::Progress, &error, self.db.opened());
                return Err(error);
            }
            Err(error) => tracing::warn!(
                error = words(&error),
                "the last progress and log lines of {number} runs were not stored"
            ),
        }
        batch.iter_mut().filter(|one| !one.outcome.is_success()).for_each(|one| one.said = None);
        self.shared.outage.went_well(PART, Call::Progress);
        Ok(())
    }
}

/// What was to go with the success of a run, where something else was made of that: the database had refused
/// its result.
fn parted(settlement: &Settlement) -> Option<String> {
    let said = settlement.said.as_ref().filter(|_| !settlement.outcome.is_success())?;
    Some(notes::apart(settlement.run(), &settlement.job, said))
}
