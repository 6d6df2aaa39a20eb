//! When a schedule is due, in words, and times on the clock of its zone.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::cli::output::format;
use crate::schedule::ScheduleRow;

/// "At 03:00, Monday through Friday, in Europe/Berlin".
pub(super) fn when(schedule: &ScheduleRow) -> String {
    match (&schedule.cron, schedule.every, schedule.at) {
        (Some(line), ..) => format!("{}, in {}", of_cron(line), schedule.zone),
        (None, Some(every), _) => every_so_often(every),
        (None, None, at) => at.map_or_else(|| "never".to_owned(), |at| format!("once, at {}", utc(at))),
    }
}

/// A cron line in words; the line itself when there are none for it.
pub(super) fn of_cron(line: &str) -> String {
    let line = if line.trim() == "@midnight" { "@daily" } else { line };
    let words = Cron::from_str(line).map(|cron| cron.describe());
    words.map_or_else(|_| line.to_owned(), |words| words.trim_end_matches('.').to_owned())
}

fn every_so_often(seconds: f64) -> String {
    let units = [(86_400.0, "day"), (3600.0, "hour"), (60.0, "minute")];
    let whole = units.iter().find(|(length, _)| seconds % length == 0.0);
    match whole {
        Some((length, unit)) if seconds > *length => format!("every {} {unit}s", seconds / length),
        Some((_, unit)) => format!("every {unit}"),
        None => format!("every {seconds} seconds"),
    }
}

/// A time on the clock of a zone, with how long it is from now.
pub(super) fn local(at: DateTime<Utc>, zone: &str, now: DateTime<Utc>) -> String {
    let zone = Tz::from_str(zone).unwrap_or(Tz::UTC);
    format!("{} ({})", at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z"), format::when(at, now))
}

fn utc(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_lengths_are_said_in_words() {
        assert!(of_cron("0 3 * * mon-fri").contains("03:00"), "{}", of_cron("0 3 * * mon-fri"));
        assert_eq!(of_cron("nonsense"), "nonsense");
        assert_eq!(every_so_often(86_400.0), "every day");
        assert_eq!(every_so_often(7200.0), "every 2 hours");
        assert_eq!(every_so_often(90.0), "every 90 seconds");
    }

    #[test]
    fn times_are_on_the_clock_of_the_zone() {
        let at = "2030-06-15T05:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(local(at, "Europe/Berlin", at), "Sat 2030-06-15 07:00:00 CEST (just now)");
    }
}
