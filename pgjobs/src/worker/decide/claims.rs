//! What the claim loop does next.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::pace::{Load, Pace, Want};
use crate::sql::claim::ran_dry;

/// How things stand when the claim loop asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) load: Load,
    /// The worker ends.
    pub(crate) draining: bool,
    /// The database has declared this worker dead.
    pub(crate) lost: bool,
    /// The database may have runs of this worker that it does not hold.
    pub(crate) in_doubt: bool,
    /// Nothing that it would start would run: see [`pulse`](super::pulse).
    pub(crate) stuck: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Claims so many; `sleeps` says that it is going to sleep if it gets fewer.
    Claim {
        want: Want,
        sleeps: bool,
        /// The jobs are to be fetched in a second step, whatever they weigh: an answer was refused for its content.
        apart: bool,
    },
    /// Ends the job at the head of the line as failed: not even alone can it be claimed.
    FailNext,
    /// Puts in line what is due and brings back what has lapsed.
    Tend,
    /// There is no room: nothing to do until a run ends.
    AwaitRoom,
    /// Looks again after this pause, or when woken.
    Rest(Duration),
    /// Gives back what a claim may have taken whose answer never came.
    GiveBack(Unanswered),
    /// Gives back what the database has of this worker and it does not hold.
    Compare,
    /// Forgets what it holds and goes on under a new name.
    RegisterAnew,
    /// Nothing is left to do for a worker that was to end then.
    EndBurst,
    Stop,
}

/// A claim, by worker and lease, of which it is unknown whether it took jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unanswered {
    pub(crate) worker: Uuid,
    pub(crate) lease: Uuid,
}

/// Why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It took too long.
    Slow,
    /// For what its jobs hold.
    Content,
    /// The server has no memory for it, which may pass.
    Memory,
}

impl Refusal {
    /// So often a single job is refused before it is taken to be the reason.
    fn patience(self) -> Option<u32> {
        match self {
            Refusal::Slow => None,
            Refusal::Content => Some(2),
            Refusal::Memory => Some(10),
        }
    }
}

pub(crate) struct Claims {
    pace: Pace,
    /// Whether it can be woken; otherwise it only polls.
    listens: bool,
    /// Ends when nothing is left.
    burst: bool,
    /// The last claim got less than it asked for: the next may have to sleep.
    dry: bool,
    /// What follows the last claim.
    then: Option<Step>,
    /// Nothing was open when the last claim was decided on.
    was_idle: bool,
    unanswered: Vec<Unanswered>,
    /// A burst has tended, and found nothing to claim since.
    has_tended: bool,
    /// How often a claim for a single job was refused, one after another.
    refusals: u32,
    /// A claim was refused for its content, and not as many were claimed since.
    apart: bool,
}

impl Claims {
    pub(crate) fn new(pace: Pace, listens: bool, burst: bool) -> Self {
        Claims {
            pace,
            listens,
            burst,
            dry: false,
            // What has been due for long, or was lost with a worker, is nobody's to claim before this.
            then: burst.then_some(Step::Tend),
            was_idle: false,
            unanswered: Vec::new(),
            has_tended: false,
            refusals: 0,
            apart: false,
        }
    }

    pub(crate) fn next(&mut self, view: View, now: Instant) -> Step {
        if view.draining {
            // What comes back now, nobody has to wait for; each claim is tried once.
            return self.unanswered.pop().map_or(Step::Stop, Step::GiveBack);
        }
        if view.lost {
            return Step::RegisterAnew;
        }
        if view.in_doubt {
            return Step::Compare;
        }
        // While this worker lives, nobody else would get those jobs before they expire.
        if let Some(unanswered) = self.unanswered.last() {
            return Step::GiveBack(*unanswered);
        }
        if view.stuck {
            return Step::AwaitRoom;
        }
        if let Some(step) = self.then.take() {
            return step;
        }
        match self.pace.want(view.load, now) {
            Want { jobs: 0, .. } => Step::AwaitRoom,
            want => {
                // Before the look: a verdict that arrives after it may have brought new work with it.
                self.was_idle = view.load.open == 0;
                Step::Claim { want, sleeps: self.sleeps(), apart: self.apart }
            }
        }
    }

    /// A worker that has all it can do is not going to sleep, so publishers need not wake it.
    fn sleeps(&self) -> bool {
        self.listens && self.dry
    }

    /// A claim for `room` jobs has brought `got`, after this time; `more` says that it left some for their size.
    pub(crate) fn claimed(&mut self, room: usize, got: usize, more: bool, took: Duration) {
        self.pace.answered(took);
        self.refusals = 0;
        self.apart &= !self.pace.is_unlimited();
        let said_it_sleeps = self.sleeps();
        self.dry = !more && ran_dry(room, got);
        self.has_tended &= got == 0;
        self.then = match self.pace.rest(got, said_it_sleeps && self.dry) {
            Some(_) if self.burst && self.was_idle && got == 0 => {
                Some(if self.has_tended { Step::EndBurst } else { Step::Tend })
            }
            pause => pause.map(Step::Rest),
        };
    }

    /// A claim for so many was refused. One job that cannot be claimed must not stop those behind it: fewer are
    /// claimed, and what cannot even be claimed alone fails.
    pub(crate) fn refused(&mut self, room: usize, refusal: Refusal) {
        self.pace.was_too_much(room);
        self.apart |= refusal != Refusal::Slow;
        let Some(patience) = refusal.patience().filter(|_| room == 1) else { return };
        self.refusals += 1;
        if self.refusals >= patience {
            self.refusals = 0;
            self.then = Some(Step::FailNext);
        }
    }

    pub(crate) fn tended(&mut self) {
        self.has_tended = true;
    }

    /// The step was not done: it comes again.
    pub(crate) fn failed(&mut self, step: Step) {
        if matches!(step, Step::Tend | Step::FailNext) {
            self.then = Some(step);
        }
    }

    /// A claim was sent and no answer came.
    pub(crate) fn unanswered(&mut self, claim: Unanswered) {
        self.unanswered.push(claim);
    }

    pub(crate) fn gave_back(&mut self, claim: Unanswered) {
        self.unanswered.retain(|one| *one != claim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::decide::pace::MOST;

    fn claims(slots: usize, burst: bool) -> Claims {
        Claims::new(Pace::new(slots, Duration::from_millis(300), Instant::now()), !burst, burst)
    }

    fn idle() -> View {
        let load = Load { open: 0, waiting: 0, running: 0, finished: 0 };
        View { load, draining: false, lost: false, in_doubt: false, stuck: false }
    }

    fn next(claims: &mut Claims) -> Step {
        claims.next(idle(), Instant::now())
    }

    fn room(claims: &mut Claims) -> (usize, bool) {
        loop {
            match next(claims) {
                Step::Claim { want, apart, .. } => return (want.jobs, apart),
                Step::Rest(_) => {}
                step => panic!("{step:?}"),
            }
        }
    }

    #[test]
    fn a_burst_tends_before_its_first_claim_and_again_before_it_ends() {
        let mut claims = claims(4, true);
        assert_eq!(next(&mut claims), Step::Tend);
        claims.failed(Step::Tend);
        assert_eq!(next(&mut claims), Step::Tend, "until it is done");
        claims.tended();
        for got in [4, 0] {
            assert!(matches!(next(&mut claims), Step::Claim { .. }));
            claims.claimed(4, got, false, Duration::ZERO);
        }
        assert_eq!(next(&mut claims), Step::Tend, "while it worked more has come due");
        claims.tended();
        assert!(matches!(next(&mut claims), Step::Claim { .. }));
        claims.claimed(4, 0, false, Duration::ZERO);
        assert_eq!(next(&mut claims), Step::EndBurst);
    }

    #[test]
    fn a_job_that_cannot_be_claimed_alone_fails_and_then_more_are_claimed_again() {
        let mut claims = claims(8, false);
        let mut rooms = Vec::new();
        while rooms.len() < 5 {
            let (room, apart) = room(&mut claims);
            assert_eq!(apart, !rooms.is_empty());
            rooms.push(room);
            claims.refused(room, Refusal::Content);
        }
        assert_eq!(rooms, [8, 4, 2, 1, 1]);
        assert_eq!(next(&mut claims), Step::FailNext);
        for expected in [1, 2, 4, 8] {
            let (room, _) = room(&mut claims);
            assert_eq!(room, expected);
            claims.claimed(room, room, false, Duration::ZERO);
        }
        (0..MOST.ilog2()).for_each(|_| claims.claimed(8, 8, false, Duration::ZERO));
        assert_eq!(room(&mut claims), (8, false), "back to one step");
    }

    #[test]
    fn a_slow_claim_condemns_no_job() {
        let mut claims = claims(8, false);
        for _ in 0..50 {
            let (room, apart) = room(&mut claims);
            assert!(!apart);
            claims.refused(room, Refusal::Slow);
        }
        assert_eq!(room(&mut claims).0, 1);
    }

    #[test]
    fn nothing_is_claimed_while_nothing_would_run() {
        let mut claims = claims(8, false);
        let view = View { stuck: true, ..idle() };
        assert_eq!(claims.next(view, Instant::now()), Step::AwaitRoom);
        assert!(matches!(next(&mut claims), Step::Claim { .. }));
    }
}
