//! How long runs take, on an axis that all rows of a table share: median, to p95, to p99, and the limit.

use maud::{Markup, html};

use super::axis::seconds;
use super::coordinate;

const WIDTH: f64 = 180.0;
/// The axis is logarithmic, from 1 ms to 28 hours, with a word at each second decade.
const DECADES: (f64, f64) = (-3.0, 5.0);
const WORDS: [f64; 5] = [0.001, 0.1, 10.0, 1000.0, 100_000.0];

fn x(value: f64) -> f64 {
    let at = (value.max(1e-9).log10() - DECADES.0) / (DECADES.1 - DECADES.0);
    WIDTH * at.clamp(0.0, 1.0)
}

/// The marks of one row: a tick at the median, thick to p95, thin to p99, the limit as a line.
pub(in crate::web::dashboard) fn range(p50: f64, p95: f64, p99: f64, limit: Option<f64>) -> Markup {
    let limit_said = limit.map(|limit| format!(", limit {}", seconds(limit))).unwrap_or_default();
    let sentence = format!("median {}, p95 {}, p99 {}{limit_said}", seconds(p50), seconds(p95), seconds(p99));
    let over = limit.is_some_and(|limit| p99 >= limit);
    html! {
        svg.rng viewBox="0 0 180 20" preserveAspectRatio="none" role="img" aria-label=(sentence) {
            path class=(if over { "thin over" } else { "thin" }) d={ "M" (coordinate(x(p50))) ",10H" (coordinate(x(p99))) } {}
            path.thick d={ "M" (coordinate(x(p50))) ",10H" (coordinate(x(p95).max(x(p50) + 1.0))) } {}
            path.mid d={ "M" (coordinate(x(p50))) ",4V16" } {}
            @if let Some(limit) = limit { path.slo d={ "M" (coordinate(x(limit))) ",2V18" } {} }
        }
    }
}

/// The words of the shared axis, for the head of the column.
pub(in crate::web::dashboard) fn range_axis() -> Markup {
    html! { span.axis aria-hidden="true" { @for value in WORDS { span { (seconds(value)) } } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_lie_on_one_logarithmic_axis_and_never_outside() {
        let svg = range(1.0, 10.0, 1e9, Some(60.0)).into_string();
        let (one, ten) = (x(1.0), x(10.0));
        assert!((ten - one - (one - x(0.1))).abs() < 1e-9, "a decade is a decade");
        assert!(svg.contains(&format!("M{},10H180", coordinate(one))), "{svg}");
        assert!(svg.contains("thin over"), "{svg}");
        assert!(svg.contains("median 1 s, p95 10 s, p99 11,574 d, limit 60 s"), "{svg}");
        assert!(x(0.0) >= 0.0 && x(f64::MAX) <= WIDTH);
    }
}
