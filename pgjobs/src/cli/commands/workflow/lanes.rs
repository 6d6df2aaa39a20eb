//! Draws a graph in a terminal: a line for each node, from top to bottom, each after those before it. A lane
//! leads from a node down to what comes after it.
//!
//! ```text
//! ✓ fetch
//! ├─┐
//! │ ▶ rows
//! ▶ │ images
//! ├─┘
//! ○ publish
//! ```

use crate::types::graph::Graph;

/// With more lanes than so many beside each other nobody can follow one.
const WIDEST: usize = 24;

/// A line of the drawing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Drawn {
    /// Lanes that part and meet.
    Lanes(String),
    /// A node, with the lanes before its sign and those after it; together always equally wide.
    Node { before: String, after: String, node: usize },
}

/// The lines of a graph; `None` when it has too many lanes.
pub(super) fn draw(graph: &Graph) -> Option<Vec<Drawn>> {
    let mut lanes = Lanes { from: vec![], left: graph.children.iter().map(Vec::len).collect() };
    let mut drawn = Vec::new();
    for node in order(graph) {
        lanes.add(graph, node, &mut drawn);
        if lanes.from.len() > WIDEST {
            return None;
        }
    }
    let widest = drawn.iter().map(width).max().unwrap_or(0);
    drawn.iter_mut().for_each(|line| pad(line, widest));
    Some(drawn)
}

/// Each node after its parents, and where that is possible directly after one: chains stay together.
fn order(graph: &Graph) -> Vec<usize> {
    let mut left: Vec<usize> = graph.parents.iter().map(Vec::len).collect();
    let mut next: Vec<usize> = (0..left.len()).rev().filter(|node| left[*node] == 0).collect();
    let mut order = Vec::with_capacity(left.len());
    while let Some(node) = next.pop() {
        order.push(node);
        for child in graph.children[node].iter().rev() {
            left[*child] -= 1;
            if left[*child] == 0 {
                next.push(*child);
            }
        }
    }
    order
}

fn width(line: &Drawn) -> usize {
    match line {
        Drawn::Lanes(text) => text.chars().count(),
        Drawn::Node { before, after, .. } => before.chars().count() + 1 + after.chars().count(),
    }
}

fn pad(line: &mut Drawn, widest: usize) {
    let missing = widest - width(line);
    if let Drawn::Node { after, .. } = line {
        after.extend(std::iter::repeat_n(' ', missing));
    }
}

struct Lanes {
    /// The node from which each lane leads; `None`: it is free.
    from: Vec<Option<usize>>,
    /// Of each node how many of those after it are not drawn yet.
    left: Vec<usize>,
}

impl Lanes {
    fn add(&mut self, graph: &Graph, node: usize, drawn: &mut Vec<Drawn>) {
        let parents = &graph.parents[node];
        parents.iter().for_each(|parent| self.left[*parent] -= 1);
        let meets = |from: &Option<usize>| from.is_some_and(|from| parents.contains(&from));
        let met: Vec<usize> = (0..self.from.len()).filter(|lane| meets(&self.from[*lane])).collect();
        let home = self.home(&met);
        if met.iter().any(|lane| *lane != home) {
            drawn.push(Drawn::Lanes(self.connection(&met, home)));
        }
        for lane in met {
            self.from[lane] = self.from[lane].filter(|from| self.left[*from] > 0);
        }
        let lane = |lane: usize| if self.from[lane].is_some() { '│' } else { ' ' };
        let before = (0..home).flat_map(|nth| [lane(nth), ' ']).collect();
        let after = (home + 1..self.from.len()).flat_map(|nth| [' ', lane(nth)]).collect();
        drawn.push(Drawn::Node { before, after, node });
        self.from[home] = (self.left[node] > 0).then_some(node);
        while self.from.last().is_some_and(Option::is_none) {
            self.from.pop();
        }
    }

    /// The lane of the node: one that ends in it, else one that is free.
    fn home(&mut self, met: &[usize]) -> usize {
        let ends = |lane: &&usize| self.from[**lane].is_some_and(|from| self.left[from] == 0);
        let free = || self.from.iter().position(Option::is_none);
        if let Some(home) = met.iter().find(ends).copied().or_else(free) {
            return home;
        }
        self.from.push(None);
        self.from.len() - 1
    }

    /// The line above a node, in which the lanes of its parents lead to its own; others cross it.
    fn connection(&self, met: &[usize], home: usize) -> String {
        let first = met.iter().copied().min().map_or(home, |lane| lane.min(home));
        let last = met.iter().copied().max().map_or(home, |lane| lane.max(home));
        let mut text = String::new();
        for lane in 0..self.from.len() {
            let is_within = first < lane && lane < last;
            let goes_on = self.from[lane].is_some_and(|from| self.left[from] > 0);
            text.push(match self.from[lane] {
                _ if lane == home || met.contains(&lane) => {
                    corner(self.from[lane].is_some(), lane == home || goes_on, lane > first, lane < last)
                }
                Some(_) => '│',
                None if is_within => '─',
                None => ' ',
            });
            if lane + 1 < self.from.len() {
                text.push(if first <= lane && lane < last { '─' } else { ' ' });
            }
        }
        text.trim_end().to_owned()
    }
}

/// The character with lines in these directions.
fn corner(up: bool, down: bool, left: bool, right: bool) -> char {
    match (up, down, left, right) {
        (true, true, true, true) => '┼',
        (true, true, true, false) => '┤',
        (true, true, false, true) => '├',
        (true, false, true, true) => '┴',
        (true, false, true, false) => '┘',
        (true, false, false, true) => '└',
        (false, _, true, true) => '┬',
        (false, _, true, false) => '┐',
        (false, _, false, true) => '┌',
        _ => '│',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The drawing, with the number of each node as its sign.
    fn drawn(parents: &[&[usize]]) -> String {
        let graph = Graph::new(parents.iter().map(|of| of.to_vec()).collect());
        let line = |line: Drawn| match line {
            Drawn::Lanes(text) => text,
            Drawn::Node { before, after, node } => format!("{before}{node}{after}").trim_end().to_owned(),
        };
        draw(&graph).unwrap().into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_chain_is_a_line() {
        assert_eq!(drawn(&[&[], &[0], &[1]]), "0\n1\n2");
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn a_chord_parts_and_meets() {
        let chord = drawn(&[&[], &[0], &[0], &[0], &[1, 2, 3]]);
        assert_eq!(chord, "0\n├─┐\n│ 1\n├─│─┐\n│ │ 2\n3 │ │\n├─┴─┘\n4");
    }

    #[test]
    fn a_diamond_with_a_long_edge_crosses_nothing_that_it_need_not() {
        let diamond = drawn(&[&[], &[0], &[0], &[1, 2, 0]]);
        assert_eq!(diamond, "0\n├─┐\n│ 1\n├─│─┐\n│ │ 2\n├─┴─┘\n3");
    }

    #[test]
    fn roots_beside_each_other_meet_in_what_needs_both() {
        assert_eq!(drawn(&[&[], &[], &[0, 1], &[1]]), "0\n│ 1\n├─┤\n2 │\n  3");
    }

    #[test]
    fn all_lines_of_nodes_are_equally_wide() {
        let graph = Graph::new(vec![vec![], vec![0], vec![0], vec![1, 2]]);
        let nodes = draw(&graph).unwrap();
        let widths: Vec<usize> =
            nodes.iter().filter(|line| matches!(line, Drawn::Node { .. })).map(width).collect();
        assert_eq!(widths, [3; 4]);
    }

    #[test]
    fn too_many_lanes_are_not_drawn() {
        let star = |n: usize| {
            let parents = (0..n).map(|_| vec![]).chain([(0..n).collect()]);
            draw(&Graph::new(parents.collect()))
        };
        assert!(star(24).is_some() && star(25).is_none());
    }
}
