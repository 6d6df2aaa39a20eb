//! When a schedule is due, in words.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;

use super::ScheduleRow;

/// "At 03:00, Monday through Friday, in Europe/Berlin".
pub(crate) fn when(schedule: &ScheduleRow) -> String {
    match (&schedule.cron, schedule.every, schedule.at) {
        (Some(line), ..) => format!("{}, in {}", of_cron(line), schedule.zone),
        (None, Some(every), _) => every_so_often(every),
        (None, None, at) => at.map_or_else(
            || "never".to_owned(),
            |at| format!("once, at {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
        ),
    }
}

/// A cron line in words; the line itself when there are none for it.
pub(crate) fn of_cron(line: &str) -> String {
    let line = if line.trim() == "@midnight" { "@daily" } else { line };
    let words = Cron::from_str(line).map(|cron| cron.describe());
    words.map_or_else(|_| line.to_owned(), |words| words.trim_end_matches('.').to_owned())
}

/// A time on the clock of a zone; of one that this program does not know, in UTC.
pub(crate) fn on_clock(at: DateTime<Utc>, zone: &str) -> String {
    let zone = Tz::from_str(zone).unwrap_or(Tz::UTC);
    at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z").to_string()
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
}
