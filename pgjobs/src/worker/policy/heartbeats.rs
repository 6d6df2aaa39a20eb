//! Decides when heartbeats and maintenance are due.

use std::time::{Duration, Instant};

/// The time between two rounds.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// The time between two checks of the partitions of the history.
pub(crate) const RETAIN: Duration = Duration::from_secs(600);

/// The least time between two beats that were asked for: what is asked for meanwhile goes with one.
const SHORTEST: Duration = Duration::from_millis(20);
/// The least time between two beats for progress alone: at most two a second.
const PROGRESS: Duration = Duration::from_millis(500);
/// Who cannot hear of commands looks for them no more often than this, however often it polls for jobs.
const SHORTEST_POLL: Duration = Duration::from_millis(100);

/// What asks for a beat before the next heartbeat is due.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asks {
    /// A command was announced, or a receipt waits to be sent.
    pub(crate) at_once: bool,
    /// Runs have made progress.
    pub(crate) progress: bool,
    /// How often it polls, where nobody can announce a command to it.
    pub(crate) polls: Option<Duration>,
}

impl Asks {
    /// How long after the beat before it; `None`: nothing asks for one.
    fn after(self) -> Option<Duration> {
        let asked = [
            self.at_once.then_some(SHORTEST),
            self.progress.then_some(PROGRESS),
            self.polls.map(|poll| poll.max(SHORTEST_POLL)),
        ];
        asked.into_iter().flatten().min()
    }
}

pub(crate) struct Beats {
    lease: Duration,
    /// The last heartbeat that arrived.
    beat: Instant,
    /// The last one that was tried.
    tried: Instant,
    has_failed: bool,
    /// The last round.
    round: Instant,
    retained: Instant,
    /// The last failed call or suspension of the process.
    trouble: Option<Instant>,
}

impl Beats {
    /// Made when the worker has just registered.
    pub(crate) fn new(lease: Duration, now: Instant) -> Self {
        Beats { lease, beat: now, tried: now, has_failed: false, round: now, retained: now, trouble: None }
    }

    /// The time between two heartbeats: three fit into a lease.
    pub(crate) fn interval(&self) -> Duration {
        self.lease / 3
    }

    /// The time between two rounds.
    pub(crate) fn pause(&self) -> Duration {
        TICK.min(self.interval())
    }

    /// How long to wait from now on for the next round, or for a beat that is asked for before it.
    pub(crate) fn wait(&self, asks: Asks, now: Instant) -> Duration {
        let round = self.round + self.pause();
        self.asked_at(asks).map_or(round, |at| at.min(round)).saturating_duration_since(now)
    }

    /// When the beat is due that is asked for; after one that failed not before the next round.
    fn asked_at(&self, asks: Asks) -> Option<Instant> {
        let least = if self.has_failed { self.pause() } else { Duration::ZERO };
        asks.after().map(|after| self.tried + after.max(least))
    }

    /// Whether it is time for a round: sweeping and promoting, which beats that are asked for do not hasten.
    pub(crate) fn round_is_due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.round) >= self.pause();
        if due {
            self.round = now;
        }
        due
    }

    /// Whether to beat now: because it is asked for, or because the next round might be too late for a
    /// heartbeat.
    pub(crate) fn beat_is_due(&mut self, asks: Asks, now: Instant) -> bool {
        self.note_standstill(now);
        now.duration_since(self.beat) + self.pause() > self.interval()
            || self.asked_at(asks).is_some_and(|at| at <= now)
    }

    pub(crate) fn has_beaten(&mut self, well: bool, now: Instant) {
        self.note_standstill(now); // the answer may have been unread for long
        (self.tried, self.has_failed) = (now, !well);
        if well {
            self.beat = now;
        } else {
            self.trouble = Some(now);
        }
    }

    fn note_standstill(&mut self, now: Instant) {
        if now.duration_since(self.beat) > self.lease {
            self.trouble = Some(now);
        }
    }

    /// Whether this round sweeps, or only promotes. After an outage every worker's heartbeat is old, and the
    /// first worker to reconnect would declare all the others dead: this gives them a lease to reconnect as
    /// well.
    pub(crate) fn sweep_is_due(&self, now: Instant) -> bool {
        self.trouble.is_none_or(|since| now.duration_since(since) > self.lease)
    }

    /// It has swept, or promoted alone; a call that fails is trouble.
    pub(crate) fn has_swept(&mut self, well: bool, now: Instant) {
        if !well {
            self.trouble = Some(now);
        }
    }

    /// Whether to check the partitions of the history again, if the last check has ended.
    pub(crate) fn partitions_are_due(&mut self, has_ended: bool, now: Instant) -> bool {
        let due = has_ended && now.duration_since(self.retained) > RETAIN;
        if due {
            self.retained = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);

    /// Beats of a minute in which the database always answers, each with when it was; `asks` says what asks
    /// for one then.
    fn minute(asks: impl Fn(Duration) -> Asks) -> Vec<Duration> {
        let (start, mut now, mut beats) = (Instant::now(), Duration::ZERO, Vec::new());
        let mut policy = Beats::new(LEASE, start);
        while now < Duration::from_secs(60) {
            if policy.beat_is_due(asks(now), start + now) {
                policy.has_beaten(true, start + now);
                beats.push(now);
            }
            policy.round_is_due(start + now);
            now += policy.wait(asks(now), start + now).max(Duration::from_millis(1));
        }
        beats
    }

    #[test]
    fn a_worker_of_which_nothing_is_asked_beats_three_times_a_lease() {
        let beats = minute(|_| Asks::default());
        assert!((11..=15).contains(&beats.len()), "{beats:?}");
    }

    #[test]
    fn progress_is_sent_twice_a_second_at_most() {
        let beats = minute(|_| Asks { progress: true, ..Asks::default() });
        assert!((115..=121).contains(&beats.len()), "{}", beats.len());
    }

    #[test]
    fn who_hears_nothing_looks_once_a_poll() {
        for (poll, looks) in [(1000, 58..=62), (300, 190..=201), (1, 550..=601)] {
            let polls = Some(Duration::from_millis(poll));
            let beats = minute(|_| Asks { polls, ..Asks::default() });
            assert!(looks.contains(&beats.len()), "{poll} ms: {}", beats.len());
        }
    }

    #[test]
    fn a_command_that_is_heard_of_is_asked_for_at_once() {
        let start = Instant::now();
        let (mut beats, heard) = (Beats::new(LEASE, start), Asks { at_once: true, ..Asks::default() });
        let now = start + Duration::from_millis(300);
        assert!(!beats.beat_is_due(Asks::default(), now));
        assert!(beats.wait(heard, now).is_zero() && beats.beat_is_due(heard, now));
        assert!(!beats.round_is_due(now), "nothing else is done sooner for it");
        beats.has_beaten(true, now);
        assert_eq!(beats.wait(heard, now), SHORTEST, "what is asked for right after it waits for others");
        beats.has_beaten(false, now);
        assert!(beats.wait(heard, now) > TICK / 2, "a database that is away is not asked at once again");
    }

    #[test]
    fn a_process_that_stood_still_sweeps_nobody_for_a_lease() {
        let (lease, start) = (Duration::from_secs(15), Instant::now());
        // Found by the simulation: suspended between the call and its answer, which then seems fresh.
        let answered = start + 2 * lease;
        let mut beats = Beats::new(lease, start);
        beats.has_beaten(true, answered);
        assert!(!beats.sweep_is_due(answered + lease));
        assert!(beats.sweep_is_due(answered + lease + TICK));
    }
}
