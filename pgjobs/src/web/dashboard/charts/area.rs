//! A chart of values over time: one filled line, a dotted one that it is compared with, failures below the
//! axis.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};

use super::axis::{Unit, end};
use super::{coordinate, line};
use crate::web::dashboard::words::{exact, number};

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// The room for failures below the axis.
const BELOW: f64 = 28.0;

/// What a chart shows of one step.
#[derive(Debug, Clone, Copy)]
pub(in crate::web::dashboard) struct Point {
    pub(in crate::web::dashboard) at: DateTime<Utc>,
    /// What matters: the filled line. `None`: there was nothing.
    pub(in crate::web::dashboard) main: Option<f64>,
    /// What it is compared with: the dotted line.
    pub(in crate::web::dashboard) other: Option<f64>,
    /// Jobs that failed: they hang below the axis.
    pub(in crate::web::dashboard) failed: i64,
}

/// A chart, to be rendered.
pub(in crate::web::dashboard) struct Area<'a> {
    /// What it is of, for its sentence: `Jobs that ended`.
    pub(in crate::web::dashboard) what: &'a str,
    pub(in crate::web::dashboard) unit: Unit,
    /// The words of the filled and of the dotted line.
    pub(in crate::web::dashboard) main: &'a str,
    pub(in crate::web::dashboard) other: Option<&'a str>,
    /// Whether failures hang below.
    pub(in crate::web::dashboard) failures: bool,
    pub(in crate::web::dashboard) points: &'a [Point],
}

impl Area<'_> {
    /// The chart with its legend, and its figures in a table.
    pub(in crate::web::dashboard) fn render(&self) -> Markup {
        let values = self.points.iter().flat_map(|point| [point.main, point.other]).flatten();
        let most = end(values);
        html! {
            figure {
                (self.legend())
                div.chart.below[self.failures] {
                    div.y aria-hidden="true" { @for nth in (0..=4).rev() { span { (self.unit.said(most * f64::from(nth) / 4.0)) } } }
                    (self.plot(most))
                    div.x aria-hidden="true" { @for word in self.words() { span { (word) } } }
                }
                (self.figures())
            }
        }
    }

    fn legend(&self) -> Markup {
        html! {
            div.key {
                span { svg viewBox="0 0 20 8" aria-hidden="true" { path.ar d="M0 4h20v4H0z" {} path.ln d="M0 4h20" {} } " " (self.main) }
                @if let Some(other) = self.other {
                    span { svg viewBox="0 0 20 8" aria-hidden="true" { path.ln2 d="M0 4h20" {} } " " (other) }
                }
                @if self.failures {
                    span { svg viewBox="0 0 20 8" aria-hidden="true" { path.fb d="M2 0h4v8H2zM9 0h4v5H9z" {} } " failed, below" }
                }
            }
        }
    }

    fn plot(&self, most: f64) -> Markup {
        let height = if self.failures { HEIGHT + BELOW } else { HEIGHT };
        let view = format!("0 0 {WIDTH} {height}");
        let (main, other) = (self.line(most, |point| point.main), self.line(most, |point| point.other));
        html! {
            svg.plot height=(height) viewBox=(view) preserveAspectRatio="none" role="img" aria-label=(self.sentence()) {
                @for nth in 0..4 { path.grid d={ "M0," (30 * nth) "H600" } {} }
                path.ar d=(filled(&main)) {}
                path.ln2 d=(line(&other)) {}
                path.ln d=(line(&main)) {}
                @if self.failures { path.fb d=(self.bars()) {} }
                path.base d="M0,120H600" {}
            }
        }
    }

    fn x(&self, nth: usize) -> f64 {
        WIDTH * nth as f64 / (self.points.len().max(2) - 1) as f64
    }

    fn line(&self, most: f64, of: impl Fn(&Point) -> Option<f64>) -> Vec<Option<(f64, f64)>> {
        let y = |value: f64| HEIGHT * (1.0 - value / most);
        self.points
            .iter()
            .enumerate()
            .map(|(nth, point)| of(point).map(|value| (self.x(nth), y(value))))
            .collect()
    }

    fn bars(&self) -> String {
        let most = self.points.iter().map(|point| point.failed).max().unwrap_or(0).max(1) as f64;
        let width = (WIDTH / self.points.len().max(1) as f64 * 0.6).max(1.0);
        let bar = |(nth, point): (usize, &Point)| {
            let x = (self.x(nth) - width / 2.0).clamp(0.0, WIDTH - width);
            let height = (BELOW * point.failed as f64 / most).max(2.0);
            format!(
                "M{},120h{}v{}h-{}z",
                coordinate(x),
                coordinate(width),
                coordinate(height),
                coordinate(width)
            )
        };
        self.points.iter().enumerate().filter(|(_, point)| point.failed > 0).map(bar).collect()
    }

    fn sentence(&self) -> String {
        let known: Vec<f64> = self.points.iter().filter_map(|point| point.main).collect();
        let failed: i64 = self.points.iter().map(|point| point.failed).sum();
        let most = known.iter().copied().fold(0.0, f64::max);
        let last = known.last().copied().unwrap_or(0.0);
        let said = if known.is_empty() {
            "nothing in this time".to_owned()
        } else {
            format!("{}, at most {}, last {}", self.main, self.unit.said(most), self.unit.said(last))
        };
        let failures = if self.failures { format!("; {} failed", number(failed)) } else { String::new() };
        format!("{}: {said}{failures}", self.what)
    }

    /// Five times below the chart: of a day with the time, of a longer time with the date.
    fn words(&self) -> Vec<String> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return Vec::new() };
        let span = last.at - first.at;
        let form = if span > TimeDelta::days(2) { "%-d %b" } else { "%H:%M" };
        (0..5).map(|nth| (first.at + span * nth / 4).format(form).to_string()).collect()
    }

    fn figures(&self) -> Markup {
        let cell = |value: Option<f64>| html! { td.num { (value.map_or("–".to_owned(), |value| self.unit.said(value))) } };
        html! {
            details.figures {
                summary { "Figures" }
                div.wrap tabindex="0" role="region" aria-label={ (self.what) ", figures" } {
                    table.dense {
                        thead { tr {
                            th scope="col" { "from" } th.num scope="col" { (self.main) }
                            @if let Some(other) = self.other { th.num scope="col" { (other) } }
                            @if self.failures { th.num scope="col" { "failed" } }
                        } }
                        tbody {
                            @for point in self.points.iter().rev().filter(|point| point.main.is_some_and(|main| main > 0.0) || point.failed > 0) {
                                tr {
                                    th scope="row" { (exact(point.at)) }
                                    (cell(point.main))
                                    @if self.other.is_some() { (cell(point.other)) }
                                    @if self.failures { td.num { (number(point.failed)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The area below each piece of a line.
fn filled(points: &[Option<(f64, f64)>]) -> String {
    let pieces = points.split(|point| point.is_none()).filter(|piece| piece.len() > 1);
    let area = |piece: &[Option<(f64, f64)>]| {
        let (first, last) = (piece[0]?, piece[piece.len() - 1]?);
        Some(format!("{}L{},120L{},120Z", line(piece), coordinate(last.0), coordinate(first.0)))
    };
    pieces.filter_map(area).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[Point]) -> String {
        let area = Area {
            what: "Jobs",
            unit: Unit::PerSecond,
            main: "ended",
            other: Some("published"),
            failures: true,
            points,
        };
        area.render().into_string()
    }

    fn point(minute: i64, main: Option<f64>, failed: i64) -> Point {
        let at = DateTime::from_timestamp(60 * minute, 0).unwrap();
        Point { at, main, other: main.map(|main| main / 2.0), failed }
    }

    #[test]
    fn values_hang_above_the_axis_and_failures_below_it() {
        let svg = chart(&[point(0, Some(0.0), 0), point(1, Some(8.0), 4), point(2, Some(4.0), 2)]);
        assert!(svg.contains("M0,120L300,0L600,60"), "{svg}");
        assert!(svg.contains("v28h-120z") && svg.contains("v14h-120z"), "{svg}");
        assert!(svg.contains("Jobs: ended, at most 8 / s, last 4 / s; 6 failed"), "{svg}");
        assert!(svg.contains(">8 / s<") && svg.contains(">0 / s<"), "the ends of the axis: {svg}");
    }

    #[test]
    fn a_gap_is_no_line_and_no_area() {
        let svg = chart(&[
            point(0, Some(4.0), 0),
            point(1, Some(4.0), 0),
            point(2, None, 0),
            point(3, Some(4.0), 0),
        ]);
        assert!(svg.contains("L200,120L0,120Z\""), "{svg}");
        assert!(svg.contains("M600,0h2"), "{svg}");
    }

    #[test]
    fn an_empty_chart_says_that_nothing_happened() {
        assert!(chart(&[]).contains("Jobs: nothing in this time; 0 failed"));
        assert!(!chart(&[point(0, Some(1.0), 0)]).contains("NaN"));
        assert!(!chart(&[point(0, Some(1.0), 1)]).contains(" style="), "no inline style");
    }

    #[test]
    fn the_figures_are_a_table_with_the_newest_first() {
        let svg = chart(&[point(0, Some(1.0), 0), point(1, Some(3.0), 1)]);
        assert!(svg.find("00:01:00.000").unwrap() < svg.find("00:00:00.000").unwrap(), "{svg}");
    }
}
