//! The waiters for jobs and workflows of one database ("jobs" below means both), and when these were last
//! queried.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, oneshot};

use super::subject::{Stand, Subject};
use crate::db::pooler::Statements;
use crate::types::error::Error;

/// The longest pause between two polls of all jobs; notifications only shorten it.
pub(super) const POLL: Duration = Duration::from_secs(1);

/// After this long without a poll by the watcher, the waiters poll by themselves.
const OVERDUE: Duration = Duration::from_millis(1500);

/// As [`OVERDUE`], when the watcher has no connection and some waiter's job has not been queried yet.
const SOON: Duration = Duration::from_millis(20);

/// How a job or workflow ended, or why that cannot be known.
pub(super) type Answer = Result<Stand, Error>;

/// All waiters on one database.
#[derive(Default)]
pub(super) struct Waiting {
    state: Mutex<State>,
    /// Signals a new waiter.
    pub(super) came: Notify,
}

#[derive(Default)]
pub(super) struct State {
    jobs: HashMap<Subject, Job>,
    tickets: u64,
    /// When all jobs were last queried, or when the first waiter came.
    looked: Option<Instant>,
    /// The watcher thread runs or is starting.
    pub(super) watched: bool,
    /// The watcher has no connection.
    pub(super) alone: bool,
    /// A waiter is polling for all.
    turn_taken: bool,
    /// The last poll by a waiter failed for a reason that passes.
    outage: bool,
}

#[derive(Default)]
struct Job {
    /// The job existed, so it has ended if it is missing later.
    known: bool,
    waiters: Vec<Waiter>,
}

struct Waiter {
    ticket: u64,
    looked: bool,
    pool: PgPool,
    tell: oneshot::Sender<Answer>,
}

/// The jobs to query.
pub(super) struct Jobs {
    /// Jobs with a waiter for whom they have not been queried yet.
    pub(super) fresh: Vec<Subject>,
    pub(super) others: Vec<Subject>,
    /// The last ticket issued by then.
    ticket: u64,
}

/// The right to poll for all waiters, returned on drop.
pub(super) struct Turn(pub(super) Arc<Waiting>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state().turn_taken = false;
    }
}

impl State {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

impl Job {
    fn is_fresh(&self) -> bool {
        self.waiters.iter().any(|waiter| !waiter.looked)
    }
}

impl Waiting {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a waiter; returns its ticket, and the channel of the answer.
    pub(super) fn enter(&self, pool: &PgPool, job: &Subject) -> (u64, oneshot::Receiver<Answer>) {
        let (tell, answer) = oneshot::channel();
        let mut state = self.state();
        if state.jobs.is_empty() {
            state.looked = Some(Instant::now());
        }
        state.tickets += 1;
        let ticket = state.tickets;
        let waiter = Waiter { ticket, looked: false, pool: pool.clone(), tell };
        state.jobs.entry(job.clone()).or_default().waiters.push(waiter);
        self.came.notify_one();
        (ticket, answer)
    }

    /// Removes a waiter.
    pub(super) fn leave(&self, job: &Subject, ticket: u64) {
        let mut state = self.state();
        let Some(left) = state.jobs.get_mut(job) else { return };
        left.waiters.retain(|waiter| waiter.ticket != ticket);
        if left.waiters.is_empty() {
            state.jobs.remove(job);
        }
    }

    /// Whether a waiter's job has been queried since the waiter came.
    pub(super) fn was_looked_at(&self, job: &Subject, ticket: u64) -> bool {
        let state = self.state();
        let mut waiters = state.jobs.get(job).into_iter().flat_map(|job| &job.waiters);
        waiters.any(|waiter| waiter.ticket == ticket && waiter.looked)
    }

    pub(super) fn count(&self) -> usize {
        self.state().jobs.len()
    }

    /// The connect options of the pool of a waiter, as they are now; `None` without waiters.
    pub(super) fn server(&self) -> Option<(PgConnectOptions, Statements)> {
        let state = self.state();
        let waiter = state.jobs.values().find_map(|job| job.waiters.first())?;
        Some((PgConnectOptions::clone(&waiter.pool.connect_options()), Statements::of(&waiter.pool)))
    }

    /// Takes the right to poll for all, if the watcher thread does not poll and no other waiter does.
    pub(super) fn take_turn(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.state();
        let pause = match state.alone {
            false => OVERDUE,
            true if !state.outage && state.jobs.values().any(Job::is_fresh) => SOON,
            true => POLL,
        };
        if state.turn_taken || state.looked.is_some_and(|at| at.elapsed() < pause) {
            return None;
        }
        state.turn_taken = true;
        Some(Turn(Arc::clone(self)))
    }

    pub(super) fn jobs(&self) -> Jobs {
        let state = self.state();
        let (fresh, others): (Vec<_>, Vec<_>) = state.jobs.iter().partition(|(_, job)| job.is_fresh());
        let ids = |jobs: Vec<(&Subject, &Job)>| jobs.into_iter().map(|(id, _)| id.clone()).collect();
        Jobs { fresh: ids(fresh), others: ids(others), ticket: state.tickets }
    }

    /// Marks these jobs as queried; `all` means that every job was.
    pub(super) fn looked_at(&self, jobs: &Jobs, all: bool) {
        let mut state = self.state();
        let waiters = state.jobs.values_mut().flat_map(|job| &mut job.waiters);
        waiters.filter(|waiter| waiter.ticket <= jobs.ticket).for_each(|waiter| waiter.looked = true);
        if all {
            state.looked = Some(Instant::now());
        }
    }

    /// The watcher thread has polled.
    pub(super) fn answered(&self) {
        self.state().alone = false;
        self.end_outage();
    }

    /// A waiter has polled for all, or failed to; the next poll by a waiter is due after the usual pause.
    pub(super) fn looked_in_turn(&self, passing: Option<&Error>) {
        self.state().looked = Some(Instant::now());
        let Some(error) = passing else { return self.end_outage() };
        let was_known = std::mem::replace(&mut self.state().outage, true);
        if !was_known {
            tracing::warn!(%error, "waiting for results: the database does not answer; it is asked again");
        }
    }

    fn end_outage(&self) {
        let was_one = std::mem::take(&mut self.state().outage);
        if was_one {
            tracing::info!("waiting for results: the database answers again");
        }
    }

    /// Records the state of a job, or that the job cannot be read.
    pub(super) fn found(&self, id: &Subject, answer: Answer) {
        match answer {
            Ok(standing) if standing.has_ended() => {
                let job = self.state().jobs.remove(id);
                let waiters = job.into_iter().flat_map(|job| job.waiters);
                // A waiter that is gone meanwhile needs no answer.
                waiters.for_each(|waiter| drop(waiter.tell.send(Ok(standing.clone()))));
            }
            Ok(_) => {
                if let Some(job) = self.state().jobs.get_mut(id) {
                    job.known = true;
                }
            }
            Err(error) => self.fail_one(id, error),
        }
    }

    /// Sends the error to one waiter of the job: errors cannot be cloned, so the next poll finds the error
    /// again for another waiter.
    pub(super) fn fail_one(&self, id: &Subject, error: Error) {
        let mut state = self.state();
        let Some(job) = state.jobs.get_mut(id) else { return };
        let waiter = job.waiters.pop();
        if job.waiters.is_empty() {
            state.jobs.remove(id);
        }
        drop(state);
        if let Some(waiter) = waiter {
            drop(waiter.tell.send(Err(error)));
        }
    }

    /// Ends the waits for those of these jobs, all of which were queried, that do not exist: they are unknown
    /// or gone.
    pub(super) fn found_only(&self, ids: &[Subject], there: &HashSet<Subject>) {
        for id in ids.iter().filter(|id| !there.contains(id)) {
            let Some(job) = self.state().jobs.remove(id) else { continue };
            job.waiters.into_iter().for_each(|waiter| drop(waiter.tell.send(Err(id.missing(job.known)))));
        }
    }
}
