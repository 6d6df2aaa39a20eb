//! Charts as SVG: pure functions from numbers to markup. The shapes stretch with the page and the words
//! beside them, which are HTML, do not; each chart has a sentence for those who do not see it, and its
//! figures in a table.

mod area;
mod axis;
mod range;
mod spark;
mod ticks;

pub(super) use area::{Area, Point};
pub(super) use axis::Unit;
pub(super) use range::{range, range_axis};
pub(super) use spark::spark;
pub(super) use ticks::{Tick, tick_mark, ticks};

/// A coordinate with one decimal, which is finer than a pixel.
fn coordinate(n: f64) -> String {
    let shown = format!("{n:.1}");
    shown.strip_suffix(".0").map_or(shown.clone(), str::to_owned)
}

/// Points of a line, as attribute `d` has them: a new piece after each gap. A piece of one point is a dash.
fn line(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    for (nth, point) in points.iter().enumerate() {
        let Some((x, y)) = point else { continue };
        let follows = nth > 0 && points[nth - 1].is_some();
        let (x, y) = (coordinate(*x), coordinate(*y));
        path.push_str(&format!("{}{x},{y}", if follows { "L" } else { "M" }));
        if !follows && points.get(nth + 1).is_none_or(Option::is_none) {
            path.push_str("h2");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_gap_where_there_is_no_value() {
        let points = [Some((0.0, 1.0)), Some((2.5, 3.25)), None, Some((9.0, 0.0)), None];
        assert_eq!(line(&points), "M0,1L2.5,3.2M9,0h2");
        assert_eq!(line(&[]), "");
    }
}
