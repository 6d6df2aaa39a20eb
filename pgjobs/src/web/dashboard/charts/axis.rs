//! The axis of a chart: where it ends, and its words.

use crate::web::dashboard::words::number;

/// What a chart counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::dashboard) enum Unit {
    /// Jobs in a second.
    PerSecond,
    /// A time, in seconds.
    Seconds,
}

impl Unit {
    /// A value in words: `4.2 s`, `120 ms`, `18 / s`.
    pub(in crate::web::dashboard) fn said(self, value: f64) -> String {
        match self {
            Unit::PerSecond => format!("{} / s", short(value)),
            Unit::Seconds => seconds(value),
        }
    }
}

/// A time in the unit in which it has few digits.
pub(in crate::web::dashboard) fn seconds(value: f64) -> String {
    match value {
        ..0.0005 => "0 ms".to_owned(),
        ..0.0995 => format!("{} ms", short(value * 1000.0)),
        ..120.0 => format!("{} s", short(value)),
        ..7200.0 => format!("{} min", short(value / 60.0)),
        ..172_800.0 => format!("{} h", short(value / 3600.0)),
        _ => format!("{} d", short(value / 86_400.0)),
    }
}

/// A number with about two digits, and commas if it is great.
fn short(value: f64) -> String {
    let digits = match value {
        ..0.095 => 2,
        ..9.95 => 1,
        _ => 0,
    };
    if value >= 999.5 {
        // A count of jobs or of a unit: far below what an i64 holds.
        return number(value.round() as i64);
    }
    let shown = format!("{value:.digits$}");
    if shown.contains('.') { shown.trim_end_matches('0').trim_end_matches('.').to_owned() } else { shown }
}

/// Where an axis ends that begins at 0 and is to hold these values: 1, 2, 4 or 8 times a power of ten, so
/// that four steps have short words.
pub(super) fn end(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let factor = [1.0, 2.0, 4.0, 8.0].into_iter().find(|factor| factor * power >= most);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_never_cuts_a_value_off() {
        for (most, last) in
            [(0.0, 1.0), (0.7, 0.8), (1.0, 1.0), (1.1, 2.0), (3.0, 4.0), (9.0, 10.0), (431.0, 800.0)]
        {
            assert!((end([0.0, most].into_iter()) - last).abs() < 1e-9, "{most}");
        }
        assert!((end([f64::NAN, f64::INFINITY, 3.0].into_iter()) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn values_have_two_digits_and_their_unit() {
        for (value, said) in [
            (0.0, "0 ms"),
            (0.0042, "4.2 ms"),
            (0.42, "0.4 s"),
            (4.0, "4 s"),
            (61.4, "61 s"),
            (600.0, "10 min"),
            (9000.0, "2.5 h"),
            (864_000.0, "10 d"),
        ] {
            assert_eq!(Unit::Seconds.said(value), said);
        }
        assert_eq!(
            [0.0, 0.05, 18.4, 12_345.0].map(|value| Unit::PerSecond.said(value)),
            ["0 / s", "0.05 / s", "18 / s", "12,345 / s"]
        );
    }
}
