//! Numbers, times and spans in words.

use chrono::{DateTime, TimeDelta, Utc};

/// Counts stop here.
pub(super) const MOST: i64 = 10_000;

/// A number with commas: `1,204,118`.
pub(super) fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut words = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    if n < 0 { format!("−{words}") } else { words }
}

/// A count that stops at 10,000.
pub(super) fn count(n: i64) -> String {
    if n >= MOST { format!("{}+", number(MOST)) } else { number(n) }
}

/// A number with its noun: `1 job`, `3 jobs`.
pub(super) fn counted(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A span as tables show it: `0.8 s`, `4 m 12 s`, `2 h 51 m`, `3 d 4 h`. Never below zero: clocks differ.
pub(super) fn span(span: TimeDelta) -> String {
    let ms = span.num_milliseconds().max(0);
    let (s, m, h, d) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    match s {
        _ if ms < 10_000 => format!("{}.{} s", s, ms % 1000 / 100),
        0..120 => format!("{s} s"),
        120..7200 => format!("{m} m {} s", s % 60),
        7200..172_800 => format!("{h} h {} m", m % 60),
        _ => format!("{d} d {} h", h % 24),
    }
}

/// A span in a sentence: `4 min 12 s`.
pub(super) fn said(time: TimeDelta) -> String {
    span(time).replace(" m", " min")
}

/// How long ago something was: `4 s ago`; of what is to come: `in 4 s`.
pub(super) fn ago(now: DateTime<Utc>, at: DateTime<Utc>) -> String {
    let since = now.signed_duration_since(at);
    match since.num_milliseconds() {
        -999..1000 => "now".to_owned(),
        ..=-1000 => format!("in {}", whole(-since)),
        _ => format!("{} ago", whole(since)),
    }
}

/// A span in its largest unit, or two of them from two minutes on.
fn whole(time: TimeDelta) -> String {
    let s = time.num_seconds();
    if s < 120 { format!("{s} s") } else { span(time) }
}

/// A time, exactly, in UTC.
pub(super) fn exact(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

/// The text with a capital letter in front, as a sentence begins.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_two_units_and_never_below_zero() {
        for (ms, said) in [
            (-5000, "0.0 s"),
            (20, "0.0 s"),
            (9_940, "9.9 s"),
            (59_000, "59 s"),
            (252_000, "4 m 12 s"),
            (10_260_000, "2 h 51 m"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(TimeDelta::milliseconds(ms)), said);
        }
        assert_eq!(super::said(TimeDelta::seconds(252)), "4 min 12 s");
    }

    #[test]
    fn numbers_have_commas_and_counts_an_end() {
        assert_eq!(
            [0, 999, 1000, 1_204_118, -1000].map(number),
            ["0", "999", "1,000", "1,204,118", "−1,000"]
        );
        assert_eq!([9_999, 10_000, 500_000].map(count), ["9,999", "10,000+", "10,000+"]);
        assert_eq!(counted(1, "job", "jobs"), "1 job");
    }
}
