//! A small line without axis, for a cell of a table.

use maud::{Markup, html};

use super::{coordinate, line};

const WIDTH: f64 = 96.0;
const HEIGHT: f64 = 20.0;

/// A line of these values, the oldest first, with its sentence. The greatest value touches the top.
pub(in crate::web::dashboard) fn spark(values: &[f64], sentence: &str) -> Markup {
    let most = values.iter().copied().fold(0.0, f64::max);
    let step = WIDTH / (values.len().max(2) - 1) as f64;
    let y = |value: f64| if most > 0.0 { HEIGHT - 1.0 - (HEIGHT - 3.0) * value / most } else { HEIGHT - 1.0 };
    let points: Vec<_> =
        values.iter().enumerate().map(|(nth, value)| Some((step * nth as f64, y(*value)))).collect();
    let line = line(&points);
    let end = points.last().copied().flatten();
    html! {
        svg.spark viewBox="0 0 96 20" role="img" aria-label=(sentence) {
            @if let Some((x, y)) = end {
                path.ar d={ (line) "V20H0Z" } {}
                path.ln d=(line) {}
                circle.dot cx=(coordinate(x)) cy=(coordinate(y)) r="2" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_value_touches_the_top_and_the_newest_the_right() {
        let svg = spark(&[0.0, 5.0, 10.0], "ended").into_string();
        assert!(svg.contains("M0,19L48,10.5L96,2"), "{svg}");
        assert!(svg.contains("cx=\"96\" cy=\"2\""), "{svg}");
        assert!(svg.contains("aria-label=\"ended\""), "{svg}");
    }

    #[test]
    fn no_value_and_nothing_but_zeros_draw_no_mountain() {
        assert!(!spark(&[], "none").into_string().contains("path"));
        assert!(spark(&[0.0, 0.0], "zeros").into_string().contains("M0,19L96,19"));
    }

    #[test]
    fn a_sentence_of_others_is_escaped() {
        assert!(
            spark(&[1.0], "\"><script>").into_string().contains("aria-label=\"&quot;&gt;&lt;script&gt;\"")
        );
    }
}
