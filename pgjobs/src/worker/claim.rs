//! One claim: sends it, fetches its jobs and queues them; and fails a job that cannot be claimed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::claim_loop::{Fetcher, PART};
use super::outage::Call;
use super::policy::claiming::{Refusal, Unconfirmed};
use super::policy::prefetch::Want;
use crate::db::claim::{self, Claim};
use crate::db::claimed::{Answer, Broken, ClaimResult};
use crate::db::notify::wake_others;
use crate::db::refusal::{is_about_data, is_late, is_out_of_memory, is_too_slow, is_unreadable, may_be_done};
use crate::db::worker;
use crate::task::job::{ClaimTimes, Job};
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// A large answer may take longer than any other call: no lock is held while it is sent, and another thread
/// keeps the lease.
pub(super) const LONGEST_FETCH: Duration = Duration::from_secs(30);

/// The database does not record for longer that a worker sleeps.
const LONGEST_RECORD: Duration = Duration::from_secs(60);

/// Why a claim was refused, as the error message of the job that has to fail for it.
pub(super) type Refused = String;

/// What the worker knows of a claim before its answer.
struct Asked {
    worker: Uuid,
    lease: Uuid,
    room: usize,
    /// When a notification woke the worker for it.
    notified: Option<Instant>,
    at: Instant,
}

impl Fetcher {
    pub(super) async fn claim_and_start(
        &mut self,
        want: Want,
        sleeps: bool,
        apart: bool,
    ) -> Result<(), Error> {
        let asked = Asked {
            worker: self.shared.identity(),
            lease: Uuid::new_v4(),
            room: want.jobs,
            notified: self.notified.take(),
            at: Instant::now(),
        };
        let (answer, took) = match self.ask(&asked, want, sleeps, apart).await {
            Ok(answered) => answered,
            Err(error) => return Err(self.note_refusal(&asked, error, false)),
        };
        self.shared.outage.went_well(PART, Call::Claim);
        self.asks = Call::Fetch;
        let batch_index = answer.first_batch_index();
        let claimed = match self.fetch_jobs(&asked, answer).await {
            Ok(claimed) => claimed,
            Err(error) if asked.room == 1 && is_about_data(&error) || self.is_too_heavy(&asked, &error) => {
                return self.fail(&asked, batch_index, &error).await;
            }
            Err(error) => return Err(self.note_refusal(&asked, error, true)),
        };
        self.shared.outage.went_well(PART, Call::Fetch);
        let (got, more, again) = (claimed.len(), claimed.is_large, claimed.again);
        self.shared.meters.claim.sent(got, took);
        let jobs = self.take(claimed, &asked, took);
        self.claims.claimed(asked.room, got, more, took);
        if let Some(again) = again {
            self.claims.opens_in(again, got);
        }
        self.shared.team.answered(self.shared.place, got);
        self.enqueue(jobs);
        self.shared.announcing.wrote(got > 0);
        if asked.notified.is_some() && (got >= asked.room || more) && self.shared.peers.are_many() {
            self.db.call(async |connection| wake_others(connection).await).await?;
        }
        self.tell_starts().await
    }

    /// Sends the claim; returns the answer and how long it took.
    async fn ask(
        &mut self,
        asked: &Asked,
        want: Want,
        sleeps: bool,
        apart: bool,
    ) -> Result<(Answer, Duration), Error> {
        let shared = self.shared.clone();
        // A burst ends when no job is left anywhere, so it claims without watermarks.
        let watermarks = if shared.settings.burst { Vec::new() } else { self.watermarks.for_claim(asked.at) };
        let number = |jobs| i32::try_from(jobs).unwrap_or(i32::MAX);
        let claim = Claim {
            worker: asked.worker,
            tasks: &shared.settings.names,
            num: number(want.jobs),
            ahead: number(want.ahead),
            lease: asked.lease,
            margin: shared.settings.lease,
            sleep: sleeps.then(|| self.sleep(asked.at)),
            own_batch: &shared.settings.own_batch,
            watermarks: &watermarks,
            apart,
        };
        // Without the time to connect: it belongs neither to the round trip nor to the query.
        let timed = async |connection: &mut _| {
            let asked = Instant::now();
            let answer = claim::claim(connection, &claim).await?;
            Ok((answer, asked.elapsed()))
        };
        let (answer, took) = self.db.call(timed).await?;
        self.looked_from = watermarks;
        Ok((answer, took))
    }

    /// How long to record that this worker sleeps if the claim gets nothing; zero if that is recorded. Twice as
    /// long as it will sleep, so that not every claim of an idle worker records it.
    fn sleep(&mut self, now: Instant) -> Duration {
        let pause = self.shared.settings.poll + Duration::from_millis(200);
        if self.sleep_recorded.is_some_and(|until| until >= now + pause) {
            return Duration::ZERO;
        }
        self.sleep_recorded = Some(now + LONGEST_RECORD.min(2 * pause));
        2 * pause
    }

    /// Returns all claimed jobs. If the answer left them out for their size, a second call fetches them, once
    /// the claim is committed.
    async fn fetch_jobs(&mut self, asked: &Asked, mut answer: Answer) -> Result<ClaimResult, Error> {
        if answer.lacks_jobs() {
            let worker = asked.worker;
            let fetch = async |connection: &mut _| claim::fetch(connection, worker, &mut answer).await;
            self.db.call_within(self.longest_fetch(), fetch).await?;
        }
        Ok(answer.into_result())
    }

    /// Whether the answer did not arrive because of the one job that was claimed.
    fn is_too_heavy(&mut self, asked: &Asked, error: &Error) -> bool {
        is_late(error) && self.claims.is_too_heavy(asked.room)
    }

    fn longest_fetch(&self) -> Duration {
        self.shared.settings.lease.max(LONGEST_FETCH)
    }

    /// Registers the claimed jobs: from here on they are in flight.
    fn take(&mut self, claimed: ClaimResult, asked: &Asked, took: Duration) -> Vec<Arc<Job>> {
        let watermarks = std::mem::take(&mut self.looked_from);
        self.watermarks.saw(&watermarks, &claimed, took, Instant::now());
        for Broken { job, lease, batch_index, error } in claimed.broken {
            tracing::error!(job.id = %job, error, "a job cannot be read; it fails");
            self.shared.fail_unread(job, (lease, batch_index), format!("the job cannot be read: {error}"));
        }
        let times = ClaimTimes { notified: asked.notified, sent: asked.at, answered: Instant::now() };
        let jobs: Vec<Arc<Job>> =
            claimed.jobs.into_iter().map(|claimed| Arc::new(Job::new(claimed, times))).collect();
        if !jobs.is_empty() {
            self.shared.meters.picked_up(times.notified, times.sent, times.answered);
            self.shared.meters.arrived(jobs.iter().map(|job| &**job));
        }
        let cancelled = self.shared.in_flight.claim(&jobs, asked.at);
        self.shared.counts.claimed(jobs.len());
        self.shared.counts.forgot(cancelled);
        jobs
    }

    /// Handles a failed claim, or a failed fetch of the claimed jobs.
    fn note_refusal(&mut self, asked: &Asked, error: Error, was_committed: bool) -> Error {
        let refusal = match &error {
            error if is_too_slow(error) => Some(Refusal::Slow),
            error if is_about_data(error) => Some(Refusal::Content),
            error if is_out_of_memory(error) => Some(Refusal::Memory),
            _ => None,
        };
        if let Some(refusal) = refusal {
            self.claims.refused(asked.room, refusal);
            self.refused = Some(format!("the job cannot be claimed: {error}"));
        }
        if was_committed || may_be_done(&error) {
            // A claim that got an answer, even an unreadable one, has ended.
            let has_ended = was_committed || is_unreadable(&error);
            let session = self.db.session().filter(|_| !has_ended);
            self.claims.unconfirmed(Unconfirmed { worker: asked.worker, lease: asked.lease, session });
        }
        error
    }

    /// The one claimed job cannot be sent to this worker: settles it as failed without fetching it.
    async fn fail(&mut self, asked: &Asked, batch_index: Option<i32>, error: &Error) -> Result<(), Error> {
        self.shared.outage.went_well(PART, Call::Fetch); // the job is the reason, not the database
        let runs = self.db.call(async |connection| worker::held_by(connection, asked.worker).await).await;
        let run =
            runs.map(|runs| runs.into_iter().find(|run| run.1 == asked.lease && Some(run.2) == batch_index));
        match run {
            Ok(Some((job, lease, batch_index))) => {
                tracing::error!(job.id = %job, %error, "a job cannot be sent; it fails");
                self.shared.fail_unread(
                    job,
                    (lease, batch_index),
                    format!("the job cannot be sent: {error}"),
                );
                self.claims.claimed(asked.room, 1, false, Duration::ZERO);
                Ok(())
            }
            Ok(None) => {
                self.claims.claimed(asked.room, 0, false, Duration::ZERO);
                Ok(())
            }
            Err(error) => Err(self.note_refusal(asked, error, true)),
        }
    }

    /// Ends the next job as failed, because it cannot be claimed even alone: so the jobs behind it run.
    pub(super) async fn fail_next(&mut self) -> Result<(), Error> {
        let shared = self.shared.clone();
        let (worker, names, lease) = (shared.identity(), &shared.settings.names, Uuid::new_v4());
        let reason = self.refused.clone().unwrap_or_else(|| "the job cannot be claimed".to_owned());
        let fail =
            async |connection: &mut _| claim::fail_next(connection, worker, names, lease, &reason).await;
        if let Some(id) = self.db.call(fail).await? {
            tracing::error!(job.id = %JobId::from_database(id), reason, "a job cannot be claimed; it fails");
            shared.counts.failed_unclaimed();
        }
        Ok(())
    }
}
