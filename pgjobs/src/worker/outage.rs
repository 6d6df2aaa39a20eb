//! What the log says when the database does not do what the worker asks: once for all its parts, and once more
//! when it does again. One call that it does not take, such as one that waits for a lock, is told apart from a database
//! that is away, and is over when that call is taken.
//!
//! Each part of the worker has a connection of its own and tries again by itself, several times a second. Told one by
//! one, an outage of seconds would fill the log, and its end would be in none of the lines.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::db::refusal::{is_late, is_outage, is_unanswered_in_time, server_code};
use crate::types::error::{Error, driver};

/// An outage that goes on is told again after this time, and trouble that did not come again is forgotten.
const REMINDER: Duration = Duration::from_secs(60);

/// What a worker asks of the database.
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
    Tend,
    Promote,
    Count,
}

#[derive(Default)]
pub(super) struct Outage {
    /// Whether any call fails: asked after each call that went well.
    fails: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The calls that failed last.
    troubles: Vec<Trouble>,
    since: Option<Instant>,
    told: Option<Instant>,
    /// It is the database that is away, and not one statement that it refuses.
    is_away: bool,
    ended: Option<Instant>,
}

/// A call of a part that failed, and has not gone well since.
struct Trouble {
    part: &'static str,
    call: Call,
    is_away: bool,
    /// When the connection was opened on which it failed.
    opened: Option<Instant>,
    at: Instant,
}

/// What a failure says of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It is away.
    Away,
    /// It is away, or this call takes too long: the next failure tells.
    Unknown,
    /// It takes no part of the call, or none in time.
    Refused,
}

/// What to write.
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

    /// A call of this part failed, on a connection that was opened then.
    pub(super) fn failed(&self, part: &'static str, call: Call, error: &Error, opened: Option<Instant>) {
        self.fails.store(true, SeqCst);
        let kind = match error {
            error if is_unanswered_in_time(error) => Kind::Unknown,
            error if is_outage(error) => Kind::Away,
            _ => Kind::Refused,
        };
        let error = words(error);
        match self.state().fail(part, call, kind, opened, Instant::now()) {
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

    /// A call of this part went well.
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
        // A connection from before the last outage that nobody has used since: no news.
        let is_stale = opened.is_some_and(|at| self.ended.is_some_and(|end| at < end));
        if self.troubles.is_empty() && kind == Kind::Away && is_stale {
            return Line::Nothing;
        }
        let kind = self.judge(part, call, kind, opened);
        self.troubles.retain(|trouble| (trouble.part, trouble.call) != (part, call));
        self.troubles.push(Trouble { part, call, is_away: kind == Kind::Away, opened, at: now });
        self.since.get_or_insert(now);
        let is_worse = kind == Kind::Away && !self.is_away;
        self.is_away |= kind == Kind::Away;
        let is_due = is_worse || self.told.is_none_or(|told| now.duration_since(told) >= REMINDER);
        if kind == Kind::Unknown || !is_due {
            return Line::Nothing;
        }
        self.told = Some(now);
        Line::Fails(kind)
    }

    /// What no answer in time means is seen by what came before: where no connection could be opened since, the database
    /// is away; where one was, the call itself takes too long.
    fn judge(&self, part: &'static str, call: Call, kind: Kind, opened: Option<Instant>) -> Kind {
        let mut before = self.troubles.iter().filter(|trouble| trouble.part == part);
        match kind {
            Kind::Unknown if before.clone().any(|trouble| trouble.opened == opened) => Kind::Away,
            Kind::Unknown if before.any(|trouble| trouble.call == call) => Kind::Refused,
            kind => kind,
        }
    }

    /// Whatever goes well shows that the database is there; that it takes a call, only that call shows.
    fn succeed(&mut self, part: &'static str, call: Call, now: Instant) -> Line {
        let is_over = |trouble: &Trouble| {
            trouble.is_away || trouble.call == call || now.duration_since(trouble.at) > REMINDER
        };
        self.troubles.retain(|trouble| trouble.part != part || !is_over(trouble));
        if !self.troubles.is_empty() {
            return Line::Nothing;
        }
        let was_away = std::mem::take(&mut self.is_away);
        match (self.since.take(), self.told.take()) {
            (Some(since), Some(_)) => {
                self.ended = Some(now);
                Line::Back { after: now.duration_since(since), was_away }
            }
            _ => Line::Nothing,
        }
    }
}

/// An error of a worker's own session in words. Its deadlines are the worker's: what they cut off was held up.
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

/// A time for people: `1.3 s`, `2 min 5 s`.
pub(super) fn in_seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()).replace(".0 s", " s"),
        60..3600 => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
