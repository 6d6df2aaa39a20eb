//! The graph of a workflow as SVG: nodes in columns from left to right, edges between them.

use maud::{Markup, html};

use super::drawn::{Drawn, FOLDED_ABOVE};
use super::shape;
use crate::inspect::NodeRow;
use crate::types::graph::{Layout, Way, layout};
use crate::types::workflow::NodeState;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::words::number;

/// With more than so many drawn nodes or edges the picture would be no help.
const MOST_NODES: usize = 1_000;
const MOST_EDGES: usize = 4_000;
const MARGIN: f64 = 8.0;

/// The measures of nodes: large ones with two lines, or small ones where there are many.
#[derive(Clone, Copy)]
struct Size {
    width: f64,
    height: f64,
    column: f64,
    row: f64,
    letters: usize,
}

const LARGE: Size = Size { width: 146.0, height: 64.0, column: 178.0, row: 85.0, letters: 16 };
const SMALL: Size = Size { width: 146.0, height: 28.0, column: 178.0, row: 38.0, letters: 16 };

/// The picture; `None` when there is too much to be drawn.
pub(super) fn graph(ask: &Ask, drawn: &Drawn<'_>) -> Option<Markup> {
    let graph = &drawn.folded.graph;
    let edges: usize = graph.parents.iter().map(Vec::len).sum();
    if graph.order.len() > MOST_NODES || edges > MOST_EDGES {
        return None;
    }
    let size = if graph.order.len() > FOLDED_ABOVE { SMALL } else { LARGE };
    let layout = layout(graph);
    let width = layout.columns.saturating_sub(1) as f64 * size.column + size.width + 2.0 * MARGIN;
    let height = layout.rows * size.row + MARGIN;
    Some(html! {
        svg.dag width=(whole(width)) height=(whole(height)) viewBox={ "0 0 " (whole(width)) " " (whole(height)) } role="group" aria-label="Graph" {
            @for way in &layout.edges { (edge(way, &layout, size, drawn.conditional.contains(&(way.parent, way.child)))) }
            @for (child, of) in graph.parents.iter().enumerate() { @if !of.is_empty() { (head(layout.places[child], size)) } }
            @for node in 0..graph.order.len() { (box_of(ask, drawn, node, layout.places[node], size)) }
        }
    })
}

fn whole(length: f64) -> i64 {
    length.ceil() as i64
}

/// Tenths of a pixel are enough.
fn px(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// The left edge of a column, and the middle of a row.
fn point((column, row): (usize, f64), size: Size) -> (f64, f64) {
    (MARGIN + column as f64 * size.column, px(MARGIN / 2.0 + row * size.row))
}

/// A line from the right edge of the parent to the left edge of the child, level where it passes columns.
fn edge(way: &Way, layout: &Layout, size: Size, is_conditional: bool) -> Markup {
    let (from, to) = (layout.places[way.parent], layout.places[way.child]);
    let (left, y) = point(from, size);
    let mut x = left + size.width;
    let mut path = format!("M{x},{y}");
    let mut y = y;
    for (nth, row) in way.passes.iter().copied().chain([to.1]).enumerate() {
        let (next, level) = point((from.0 + 1 + nth, row), size);
        let is_last = nth == way.passes.len();
        // Without passes over columns between, the line leads straight to the child's column.
        let next = if is_last { point(to, size).0 - 7.0 } else { next };
        let middle = px(if is_last && way.passes.is_empty() { x + 12.0 } else { (x + next) / 2.0 });
        path.push_str(&format!("C{middle},{y} {middle},{level} {next},{level}"));
        (x, y) = if is_last { (next, level) } else { (next + size.width, level) };
        if !is_last {
            path.push_str(&format!("H{x}"));
        }
    }
    html! { path class={ "e" @if is_conditional { " off" } } d=(path) {} }
}

/// The arrow in front of a node.
fn head(place: (usize, f64), size: Size) -> Markup {
    let (x, y) = point(place, size);
    html! { path.ah d={ "M" (x - 7.0) "," (y - 4.0) "l7,4 -7,4z" } {} }
}

fn box_of(ask: &Ask, drawn: &Drawn<'_>, nth: usize, place: (usize, f64), size: Size) -> Markup {
    let (node, members) = drawn.first(nth);
    let (x, middle) = point(place, size);
    let y = px(middle - size.height / 2.0);
    let is_many = node.is_group || members > 1;
    let title = if members > 1 { format!("{} nodes", number(members as i64)) } else { node.name.clone() };
    let words = if members > 1 { format!("{} …", node.name) } else { drawn.short(node, ask.now()) };
    html! {
        a href=(target(ask, node, members, drawn.workflow)) {
            g class={ "nd s-" (shape(node.state.as_str())) @if node.state == NodeState::Skipped { " off" } } transform={ "translate(" (x) "," (y) ")" } {
                title { (title) ", " (node.task) ", " (node.state) ": " (words) }
                @if is_many { path.box d={ "M6,0V-4H" (size.width + 4.0) "V" (size.height - 6.0) "H" (size.width) } {} }
                rect.box width=(size.width) height=(size.height) rx="1" {}
                rect.head width="4" height=(size.height) {}
                svg.icn x="12" y=(if size.height > 40.0 { 13 } else { 7 }) width="14" height="14" role="img" aria-label=(node.state) { use href={ "#i-" (shape(node.state.as_str())) } {} }
                text.t x="33" y=(if size.height > 40.0 { 25 } else { 18 }) { (cut(&title, size.letters)) }
                @if size.height > 40.0 { (second_line(node, members, &words, size)) }
            }
        }
    }
}

/// What a node does now, and of a group how much of it is done.
fn second_line(node: &NodeRow, members: usize, words: &str, size: Size) -> Markup {
    let has_bar = members == 1 && node.is_group && node.jobs > 0;
    let share = |jobs: i32| whole(118.0 * f64::from(jobs) / f64::from(node.jobs.max(1)));
    html! {
        text.s x="33" y="43" { (cut(words, size.letters + 2)) }
        @if has_bar {
            @let good = share(node.jobs - node.open - node.failed);
            rect.pt x="14" y="53" width="118" height="3" {}
            rect.pd x="14" y="52" width=(good) height="5" {}
            @if node.failed > 0 { rect.pf x=(14 + good) y="52" width=(share(node.failed)) height="5" {} }
        }
    }
}

/// The page of the node's job, and where there are none or several its line in the outline.
fn target(ask: &Ask, node: &NodeRow, members: usize, workflow: i64) -> String {
    match &node.job_id {
        Some(job) if members == 1 => super::outline::job(ask, job.as_str(), workflow),
        _ => format!("#n{}", node.id),
    }
}

/// The text as it fits; all of it stands in the title and in the outline.
fn cut(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        None => text.to_owned(),
        Some(_) => text.chars().take(letters - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_letters() {
        assert_eq!(cut("images.thumbnail", 16), "images.thumbnail");
        assert_eq!(cut("images.thumbnails", 16), "images.thumbnai…");
        assert_eq!(cut("äöüäöü", 4), "äöü…");
    }

    #[test]
    fn an_edge_is_level_where_it_passes_a_column() {
        let layout = Layout { places: vec![(0, 0.5), (2, 0.5)], edges: vec![], columns: 3, rows: 2.0 };
        let way = Way { parent: 0, child: 1, passes: vec![1.5] };
        let drawn = edge(&way, &layout, LARGE, false).into_string();
        assert!(drawn.contains("186,131.5H332"), "{drawn}");
        assert!(!drawn.contains("off"), "{drawn}");
    }
}
