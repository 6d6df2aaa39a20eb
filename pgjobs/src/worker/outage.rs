//! What the log says when the database does not do what the worker asks: once for all its parts, and once more
//! when it does again.
//!
//! Each part of the worker has a connection of its own and tries again by itself, several times a second. Told one by
//! one, an outage of seconds would fill the log, and its end would be in none of the lines.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::sql::refusal::is_outage;

/// An outage that goes on is told again after this time.
const REMINDER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Outage {
    /// Whether any part fails: asked after each call that went well.
    fails: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The parts whose last call failed.
    parts: Vec<&'static str>,
    since: Option<Instant>,
    told: Option<Instant>,
    /// It is the database that is away, and not one statement that it refuses.
    is_away: bool,
    ended: Option<Instant>,
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Nothing,
    Fails,
    Back(Duration),
}

impl Outage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call of this part failed, on a connection that was opened then.
    pub(super) fn failed(&self, part: &'static str, error: &Error, opened: Option<Instant>) {
        self.fails.store(true, SeqCst);
        let away = is_outage(error);
        match self.state().fail(part, away, opened, Instant::now()) {
            Line::Fails if away => {
                tracing::warn!(part, %error, "the database does not answer; it is tried again until it does");
            }
            Line::Fails => {
                tracing::warn!(part, %error, "the database refuses a call; it is made again until it is taken")
            }
            _ => tracing::debug!(part, %error, "failed again"),
        }
    }

    /// A call of this part went well.
    pub(super) fn went_well(&self, part: &'static str) {
        if !self.fails.load(SeqCst) {
            return;
        }
        let mut state = self.state();
        let line = state.succeed(part, Instant::now());
        self.fails.store(!state.parts.is_empty(), SeqCst);
        match line {
            Line::Back(after) if state.is_away => {
                tracing::info!("the database is back after {}", in_seconds(after));
            }
            Line::Back(after) => {
                tracing::info!(part, "the database takes it again after {}", in_seconds(after))
            }
            _ => {}
        }
    }
}

impl State {
    fn fail(&mut self, part: &'static str, away: bool, opened: Option<Instant>, now: Instant) -> Line {
        // A connection from before the last outage that nobody has used since: no news.
        if self.parts.is_empty() && away && opened.is_some_and(|at| self.ended.is_some_and(|end| at < end)) {
            return Line::Nothing;
        }
        let is_first = self.parts.is_empty();
        if !self.parts.contains(&part) {
            self.parts.push(part);
        }
        if is_first {
            (self.since, self.is_away) = (Some(now), false);
        }
        let is_worse = away && !self.is_away;
        self.is_away |= away;
        if is_first || is_worse || self.told.is_none_or(|told| now.duration_since(told) >= REMINDER) {
            self.told = Some(now);
            return Line::Fails;
        }
        Line::Nothing
    }

    fn succeed(&mut self, part: &'static str, now: Instant) -> Line {
        self.parts.retain(|one| *one != part);
        match self.since.take_if(|_| self.parts.is_empty()) {
            Some(since) => {
                self.ended = Some(now);
                Line::Back(now.duration_since(since))
            }
            None => Line::Nothing,
        }
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
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_of_all_parts_is_one_line_and_its_end_another() {
        let (mut state, start) = (State::default(), Instant::now());
        let opened = Some(start);
        let mut now = start + SECOND;
        assert_eq!(state.fail("claim", true, opened, now), Line::Fails);
        for _ in 0..5 {
            now += SECOND;
            assert_eq!(state.fail("lease", true, None, now), Line::Nothing);
            assert_eq!(state.fail("claim", true, None, now), Line::Nothing);
        }
        assert_eq!(state.succeed("claim", now), Line::Nothing, "the lease is still away");
        assert_eq!(state.succeed("lease", now + SECOND), Line::Back(6 * SECOND));
        assert_eq!(state.succeed("lease", now + SECOND), Line::Nothing);
        // The settle loop had nothing to say meanwhile, and finds its connection gone.
        assert_eq!(state.fail("settle", true, opened, now + 2 * SECOND), Line::Nothing);
        assert_eq!(
            state.fail("settle", true, None, now + 3 * SECOND),
            Line::Fails,
            "a new one fails as well"
        );
    }

    #[test]
    fn an_outage_that_lasts_is_told_each_minute() {
        let (mut state, start) = (State::default(), Instant::now());
        let lines = (0..180).map(|second| state.fail("claim", true, None, start + second * SECOND));
        assert_eq!(lines.filter(|line| *line == Line::Fails).count(), 3);
    }

    #[test]
    fn times_are_for_people() {
        let texts = [1300, 8000, 125_000, 7_260_000].map(|ms| in_seconds(Duration::from_millis(ms)));
        assert_eq!(texts, ["1.3 s", "8 s", "2 min 5 s", "2 h 1 min"]);
    }
}
