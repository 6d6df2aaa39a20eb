//! Figures that a page quotes are those of performance.md.

use crate::{pages, read};

/// The numbers with a unit or a fraction in the table of figures of the page on tuning.
fn quoted(text: &str) -> Vec<&str> {
    let table = text.split("| | |").nth(1).expect("the table of figures");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let values = rows.filter_map(|line| line.trim_matches(['|', ' ']).rsplit_once(" | "));
    values.flat_map(|(_, value)| value.split(" and ")).flat_map(|value| value.split(" to ")).collect()
}

#[test]
fn the_figures_of_the_page_on_tuning_are_measured_ones() {
    let measured = read("docs/src/performance.md");
    let pages = pages();
    let page = pages.iter().find(|page| page.path == "how-to/tuning.md").expect("the page");
    let quoted = quoted(&page.text);
    assert!(quoted.len() > 7, "{quoted:?}");
    for figure in quoted {
        let number = figure.trim_end_matches(" jobs/s");
        assert!(measured.contains(number), "{number} is not in performance.md");
    }
}
