//! As much of a database as the schedules use: which worker each job belongs to.

use std::collections::HashSet;

use uuid::Uuid;

/// A run: a job under a lease.
pub(super) type Run = (usize, Uuid);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Due, but not yet promoted.
    Due,
    Pending,
    Claimed {
        worker: Uuid,
        lease: Uuid,
    },
    Ended,
}

#[derive(Default)]
pub(super) struct Database {
    jobs: Vec<State>,
    /// The registered worker, and until when it counts as alive.
    alive: Option<(Uuid, u64)>,
    /// A limit: the time between two starts.
    gap: Option<u64>,
    /// When the limit lets the next job start.
    opens_at: u64,
}

/// The worker was declared dead.
pub(super) struct Dead;

impl Database {
    /// A database with a limit, which lets a job start so long after the one before.
    pub(super) fn limited(gap: Option<u64>) -> Self {
        Database { gap, ..Database::default() }
    }

    pub(super) fn publish(&mut self, jobs: usize) {
        self.jobs.extend(std::iter::repeat_n(State::Pending, jobs));
    }

    pub(super) fn publish_due(&mut self, jobs: usize) {
        self.jobs.extend(std::iter::repeat_n(State::Due, jobs));
    }

    pub(super) fn promote(&mut self) {
        self.release(|state| *state == State::Due);
    }

    pub(super) fn register(&mut self, worker: Uuid, until: u64) {
        self.alive = Some((worker, until));
    }

    /// Requeues what has expired at once, since other workers sweep all the time.
    pub(super) fn sweep(&mut self, now: u64) {
        if let Some((worker, _)) = self.alive.filter(|(_, until)| *until < now) {
            self.alive = None;
            self.release(|state| matches!(state, State::Claimed { worker: w, .. } if *w == worker));
        }
    }

    pub(super) fn beat(&mut self, worker: Uuid, until: u64) -> Result<(), Dead> {
        let alive = self.alive.as_mut().filter(|(id, _)| *id == worker).ok_or(Dead)?;
        alive.1 = until;
        Ok(())
    }

    pub(super) fn claim(
        &mut self,
        worker: Uuid,
        lease: Uuid,
        room: usize,
        now: u64,
    ) -> Result<Vec<Run>, Dead> {
        if self.alive.is_none_or(|(id, _)| id != worker) {
            return Err(Dead);
        }
        let room = self.gap.map_or(room, |gap| self.starts(room, gap, now));
        let pending = self.jobs.iter_mut().enumerate().filter(|(_, state)| **state == State::Pending);
        Ok(pending
            .take(room)
            .map(|(job, state)| {
                *state = State::Claimed { worker, lease };
                (job, lease)
            })
            .collect())
    }

    /// How many jobs the limit lets start now, at most so many; takes these starts.
    fn starts(&mut self, room: usize, gap: u64, now: u64) -> usize {
        let pending = self.jobs.iter().filter(|state| **state == State::Pending).count();
        let goes = usize::from(self.opens_at <= now).min(room).min(pending);
        if goes > 0 {
            self.opens_at = now + gap;
        }
        goes
    }

    /// In how long the limit lets a job start that waits for it.
    pub(super) fn opens_in(&self, now: u64) -> Option<u64> {
        let waits = self.gap.is_some() && self.jobs.contains(&State::Pending);
        waits.then(|| self.opens_at.saturating_sub(now))
    }

    pub(super) fn release_claim(&mut self, lease: Uuid) {
        self.release(|state| matches!(state, State::Claimed { lease: l, .. } if *l == lease));
    }

    fn release(&mut self, which: impl Fn(&State) -> bool) {
        self.jobs.iter_mut().filter(|state| which(state)).for_each(|state| *state = State::Pending);
    }

    /// Ends the job of a live run, or requeues it.
    pub(super) fn settle(&mut self, (job, lease): Run, ends: bool) {
        if matches!(self.jobs[job], State::Claimed { lease: l, .. } if l == lease) {
            self.jobs[job] = if ends { State::Ended } else { State::Pending };
        }
    }

    pub(super) fn held_by(&self, worker: Uuid) -> HashSet<Run> {
        let runs = self.jobs.iter().enumerate().filter_map(|(job, state)| match state {
            State::Claimed { worker: w, lease } if *w == worker => Some((job, *lease)),
            _ => None,
        });
        runs.collect()
    }

    pub(super) fn claimed_by(&self, worker: Uuid) -> usize {
        self.held_by(worker).len()
    }

    pub(super) fn all_ended(&self) -> bool {
        self.jobs.iter().all(|state| *state == State::Ended)
    }
}
