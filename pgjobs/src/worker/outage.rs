//! Logs that the database does not do what the worker asks: once for all loops, and once more when it works
//! again. One call that the database refuses, such as one that waits for a lock, is logged differently from a
//! database that is away, and is over when that call succeeds.
//!
//! Each loop of the worker has a separate connection and retries by itself, several times a second. If each
//! loop logged its errors, an outage of seconds would fill the log, and no message would show its end.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::db::refusal::{is_late, is_outage, is_unanswered_in_time, server_code};
use crate::types::error::{Error, driver};

/// An outage that goes on is logged again after this time, and a failure that was not repeated is forgotten.
const REMINDER: Duration = Duration::from_secs(60);

/// The loops without which no run gets anywhere, as the log and the server name them.
pub(super) const CLAIM: &str = "claim";
pub(super) const SETTLE: &str = "settle";

/// The database calls of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Claim,
    Fetch,
    FailNext,
    ReleaseClaim,
    Register,
    Start,
    Settle,
    Heartbeat,
    Progress,
    Maintain,
    Promote,
    Count,
}

#[derive(Default)]
pub(super) struct Outage {
    /// Whether any call fails: read after each call that succeeded.
    fails: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The calls that failed and have not succeeded since.
    troubles: Vec<Trouble>,
    since: Option<Instant>,
    told: Option<Instant>,
    ended: Option<Instant>,
    /// The connections of each loop that have failed since, and were opened before.
    stale: Vec<(&'static str, Instant)>,
    /// How often the database went away, as far as nobody has asked yet.
    began: u64,
}

/// A call of a loop that failed, and has not succeeded since.
struct Trouble {
    part: &'static str,
    call: Call,
    is_away: bool,
    /// When the connection on which it failed was opened.
    opened: Option<Instant>,
    at: Instant,
}

/// What a failure shows about the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The database is away.
    Away,
    /// The database is away, or this call takes too long: the next failure shows which.
    Unknown,
    /// The database refuses the call, or does not answer it in time.
    Refused,
}

/// What to log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    Fails(Kind),
    Back { after: Duration, was_away: bool },
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that a call of this loop failed, on a connection that was opened at `opened`.
    pub(super) fn failed(&self, part: &'static str, call: Call, error: &Error, opened: Option<Instant>) {
        let kind = match error {
            error if is_unanswered_in_time(error) => Kind::Unknown,
            error if is_outage(error) => Kind::Away,
            _ => Kind::Refused,
        };
        let error = words(error);
        let line = {
            let mut state = self.state();
            let line = state.fail(part, call, kind, opened, Instant::now());
            self.fails.store(!state.troubles.is_empty(), SeqCst);
            line
        };
        match line {
            Line::Fails(Kind::Away) => {
                tracing::warn!(part, error, "the database does not answer; it is tried again until it does");
            }
            Line::Fails(_) => tracing::warn!(
                part,
                ?call,
                error,
                "the database does not take a call; it is made again until it is taken"
            ),
            _ => tracing::debug!(part, ?call, error, "failed again"),
        }
    }

    /// Whether the database is away, as far as any loop knows.
    pub(super) fn is_away(&self) -> bool {
        self.fails.load(SeqCst) && self.state().is_away()
    }

    /// Whether it is away for one of these loops: others may be waiting for a session while these work.
    pub(super) fn is_away_for(&self, parts: &[&str]) -> bool {
        let is_away = |trouble: &Trouble| trouble.is_away && parts.contains(&trouble.part);
        self.fails.load(SeqCst) && self.state().troubles.iter().any(is_away)
    }

    /// For how long something has failed.
    pub(super) fn lasts(&self) -> Duration {
        self.state().since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// How often the database went away since this was last asked.
    pub(super) fn began(&self) -> u64 {
        std::mem::take(&mut self.state().began)
    }

    /// Records that a call of this loop succeeded.
    pub(super) fn went_well(&self, part: &'static str, call: Call) {
        if !self.fails.load(SeqCst) {
            return;
        }
        let mut state = self.state();
        let line = state.succeed(part, call, Instant::now());
        self.fails.store(!state.troubles.is_empty(), SeqCst);
        match line {
            Line::Back { after, was_away: true } => {
                tracing::info!("the database is back after {}", in_seconds(after));
            }
            Line::Back { after, .. } => {
                tracing::info!(part, ?call, "the database takes it again after {}", in_seconds(after))
            }
            _ => {}
        }
    }
}

impl State {
    fn fail(
        &mut self,
        part: &'static str,
        call: Call,
        kind: Kind,
        opened: Option<Instant>,
        now: Instant,
    ) -> Line {
        let was_away = self.is_away();
        if !was_away && kind == Kind::Away && self.is_stale(part, opened) {
            return Line::Nothing;
        }
        let kind = self.judge(part, call, kind, opened);
        self.troubles.retain(|trouble| (trouble.part, trouble.call) != (part, call));
        self.troubles.push(Trouble { part, call, is_away: kind == Kind::Away, opened, at: now });
        let is_worse = kind == Kind::Away && !was_away;
        if is_worse {
            (self.since, self.began) = (Some(now), self.began + 1);
        }
        self.since.get_or_insert(now);
        let is_due = is_worse || self.told.is_none_or(|told| now.duration_since(told) >= REMINDER);
        if kind == Kind::Unknown || !is_due {
            return Line::Nothing;
        }
        self.told = Some(now);
        Line::Fails(kind)
    }

    /// A connection that was opened before the end of the last outage, and unused since, shows no new one when it
    /// fails; but a second failure does, since no other connection could be opened.
    fn is_stale(&mut self, part: &'static str, opened: Option<Instant>) -> bool {
        let Some(opened) = opened.filter(|at| self.ended.is_some_and(|end| *at < end)) else { return false };
        let is_first = !self.stale.contains(&(part, opened));
        if is_first {
            self.stale.push((part, opened));
        }
        is_first
    }

    fn is_away(&self) -> bool {
        self.troubles.iter().any(|trouble| trouble.is_away)
    }

    /// Decides by earlier failures what a missing answer means: if no connection could be opened since, the
    /// database is away; if one was, the call itself takes too long.
    fn judge(&self, part: &'static str, call: Call, kind: Kind, opened: Option<Instant>) -> Kind {
        let mut before = self.troubles.iter().filter(|trouble| trouble.part == part);
        match kind {
            Kind::Unknown if before.clone().any(|trouble| trouble.opened == opened) => Kind::Away,
            Kind::Unknown if before.any(|trouble| trouble.call == call) => Kind::Refused,
            kind => kind,
        }
    }

    /// Any success shows that the database is there; that it accepts a call, only a success of that call
    /// shows.
    fn succeed(&mut self, part: &'static str, call: Call, now: Instant) -> Line {
        let is_over = |trouble: &Trouble| {
            trouble.is_away || trouble.call == call || now.duration_since(trouble.at) > REMINDER
        };
        let was_away = self.is_away();
        self.troubles.retain(|trouble| trouble.part != part || !is_over(trouble));
        // Calls that it refuses, or has not been asked for again, do not make it away.
        if self.is_away() || !was_away && !self.troubles.is_empty() {
            return Line::Nothing;
        }
        if was_away {
            self.ended = Some(now);
            self.stale.clear();
        }
        match (self.since.take(), self.told.take()) {
            (Some(since), Some(_)) => Line::Back { after: now.duration_since(since), was_away },
            _ => Line::Nothing,
        }
    }
}

/// The text for an error of one of the worker's own sessions. The worker sets the deadlines there: something
/// delayed what they cut off.
pub(super) fn words(error: &Error) -> String {
    let is_held_up = is_late(error) || server_code(error).is_some_and(|code| code == "55P03");
    match error {
        Error::Database(cause) if is_held_up => format!(
            "database: {}; another session may hold a lock (see pg_stat_activity and pg_blocking_pids), or the \
             server is slow",
            driver::said(cause)
        ),
        error => error.to_string(),
    }
}

/// Formats a time for people: `1.3 s`, `2 min 5 s`.
pub(super) fn in_seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()).replace(".0 s", " s"),
        60..3600 => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
