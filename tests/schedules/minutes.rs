//! When a cron line is due, found by walking every minute: slow, and too simple to be wrong.

use std::str::FromStr;

use chrono_tz::Tz;
use croner::Cron;
use pgjobs::chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};

/// A cron line on the clock of a zone, with what happens where that clock changes.
pub(crate) struct Line<'a> {
    pub(crate) cron: &'a str,
    pub(crate) zone: Tz,
    pub(crate) gap: Option<&'a str>,
    pub(crate) fold: Option<&'a str>,
}

impl Line<'_> {
    fn begins_with_a_star(&self) -> bool {
        self.cron.split_whitespace().nth(1).is_some_and(|hours| hours.starts_with('*'))
    }

    fn gap(&self) -> &str {
        self.gap.unwrap_or(if self.begins_with_a_star() { "skip" } else { "shift" })
    }

    fn fold(&self) -> &str {
        self.fold.unwrap_or(if self.begins_with_a_star() { "both" } else { "first" })
    }

    /// All moments after the first time, up to the second, at which the line is due.
    pub(crate) fn due(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<DateTime<Utc>> {
        let cron = Cron::from_str(self.cron).unwrap();
        let minute = TimeDelta::minutes(1);
        let mut due = Vec::new();
        let mut before = self.clock(after);
        let mut now = after + minute;
        while now <= until {
            let clock = self.clock(now);
            let is_due =
                fits(&cron, clock) && self.counts(clock, now) || self.skipped_one(&cron, before, clock);
            if is_due {
                due.push(now);
            }
            (before, now) = (clock, now + minute);
        }
        due
    }

    fn clock(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.zone).naive_local()
    }

    /// Whether the line counts this moment among those at which the clock shows the time.
    fn counts(&self, clock: NaiveDateTime, now: DateTime<Utc>) -> bool {
        match self.zone.from_local_datetime(&clock) {
            LocalResult::Ambiguous(first, second) => match self.fold() {
                "first" => first == now,
                "second" => second == now,
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether the clock went forward over a time at which the line was due.
    fn skipped_one(&self, cron: &Cron, before: NaiveDateTime, clock: NaiveDateTime) -> bool {
        let minute = TimeDelta::minutes(1);
        let mut skipped = before + minute;
        while self.gap() == "shift" && skipped < clock {
            if fits(cron, skipped) {
                return true;
            }
            skipped += minute;
        }
        false
    }
}

fn fits(cron: &Cron, clock: NaiveDateTime) -> bool {
    cron.is_time_matching(&clock.and_utc()).unwrap()
}
