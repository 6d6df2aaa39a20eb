//! The settle loop: verdicts to the database, in batches.
//!
//! While one batch is on its way the next gathers, so batches are as large as the load asks for
//! and a lone verdict leaves at once. A batch that fails for want of a database is sent again
//! until it arrives: settling twice under one lease does no harm. A batch that the database
//! refuses for its content is sent one by one, so that a single bad result spoils only its own job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::shared::Shared;
use super::stop::Phase;
use crate::error::Error;
use crate::job_id::JobId;
use crate::sql::link::{self, Link};
use crate::sql::settle::{self, Settlement, Verdict};

/// The largest batch.
const BATCH: usize = 1000;
/// How long the last verdicts are tried when the worker ends and the database does not answer.
const LAST_TRIES: Duration = Duration::from_secs(10);

pub(super) async fn settle_loop(
    shared: Arc<Shared>,
    mut link: Link,
    mut verdicts: mpsc::UnboundedReceiver<Settlement>,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            received = verdicts.recv_many(&mut batch, BATCH) => if received == 0 { break },
            () = shared.stop.reached(Phase::Closing) => { verdicts.close(); continue }
        }
        send(&shared, &mut link, &batch).await;
        shared.counts.settled(batch.len(), 0);
        if shared.settings.burst && shared.counts.open() == 0 {
            shared.work.notify_one(); // the last look before a burst ends comes after the last verdict
        }
        batch.clear();
    }
    link.close().await;
}

async fn send(shared: &Shared, link: &mut Link, batch: &[Settlement]) {
    match send_until_answered(shared, link, batch).await {
        Ok(lost) => note_lost(shared, &lost),
        Err(_) if batch.len() > 1 => {
            for settlement in batch {
                Box::pin(send(shared, link, std::slice::from_ref(settlement))).await;
            }
        }
        Err(error) => refuse(shared, link, &batch[0], &error).await,
    }
}

/// Sends it again while the database cannot be reached; the error is the database's own word.
async fn send_until_answered(
    shared: &Shared,
    link: &mut Link,
    batch: &[Settlement],
) -> Result<Vec<JobId>, Error> {
    let mut last_tries: Option<Instant> = None;
    loop {
        let answer = match link.get().await {
            Ok(connection) => settle::settle(connection, batch).await,
            Err(error) => Err(error),
        };
        link.note(&answer);
        match answer {
            Err(error) if link::is_transient(&error) => {
                if shared.stop.has_reached(Phase::Closing)
                    && last_tries.get_or_insert_with(Instant::now).elapsed() > LAST_TRIES
                {
                    return Err(error);
                }
                let delay = link.retry_delay();
                tracing::warn!(%error, verdicts = batch.len(), retry_in = ?delay, "settling failed");
                tokio::time::sleep(delay).await;
            }
            answer => return answer,
        }
    }
}

/// The database does not take this verdict: say so in the job instead.
async fn refuse(shared: &Shared, link: &mut Link, settlement: &Settlement, error: &Error) {
    tracing::error!(job.id = %settlement.job, %error, "the database refused a verdict");
    if link::is_transient(error) {
        return; // the worker is ending; the job comes back when the lease has run out
    }
    let verdict = Verdict::Fail("the database refused the result of this run".to_owned());
    let instead = Settlement { job: settlement.job.clone(), lease: settlement.lease, verdict };
    if let Ok(lost) = send_until_answered(shared, link, std::slice::from_ref(&instead)).await {
        note_lost(shared, &lost);
    }
}

fn note_lost(shared: &Shared, lost: &[JobId]) {
    shared.counts.settled(0, lost.len());
    for job in lost {
        tracing::warn!(job.id = %job, "verdict refused: the lease was lost, another attempt counts");
    }
}
