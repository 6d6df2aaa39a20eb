//! Times on the clock of a schedule's zone.

use chrono::{DateTime, Utc};

use crate::cli::output::format;

pub(super) use crate::schedule::english::{of_cron, on_clock, when};

/// A time on the clock of a zone, with how long it is from now.
pub(super) fn local(at: DateTime<Utc>, zone: &str, now: DateTime<Utc>) -> String {
    format!("{} ({})", on_clock(at, zone), format::when(at, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_on_the_clock_of_the_zone() {
        let at = "2030-06-15T05:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(local(at, "Europe/Berlin", at), "Sat 2030-06-15 07:00:00 CEST (just now)");
    }
}
