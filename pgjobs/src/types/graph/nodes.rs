//! Nodes, and which come after which.

use std::collections::{BTreeSet, VecDeque};

/// Nodes by their numbers from 0, with those before and after each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    pub(crate) parents: Vec<Vec<usize>>,
    pub(crate) children: Vec<Vec<usize>>,
    /// All nodes, each after its parents.
    pub(crate) order: Vec<usize>,
    /// Of each node the length of the longest way to it.
    pub(crate) depth: Vec<usize>,
}

impl Graph {
    /// The graph in which each node has these parents. Numbers of no node, a node that is its own parent, and
    /// edges that close a circle are left out: what is drawn comes from a table.
    pub(crate) fn new(parents: Vec<Vec<usize>>) -> Self {
        let parents: Vec<Vec<usize>> = parents
            .iter()
            .enumerate()
            .map(|(node, of)| {
                let known = of.iter().copied().filter(|parent| *parent < parents.len() && *parent != node);
                known.collect::<BTreeSet<_>>().into_iter().collect()
            })
            .collect();
        let order = order(&parents);
        let mut rank = vec![0; parents.len()];
        order.iter().enumerate().for_each(|(nth, node)| rank[*node] = nth);
        let down = |node: usize, of: &Vec<usize>| {
            of.iter().copied().filter(|parent| rank[*parent] < rank[node]).collect::<Vec<_>>()
        };
        let parents: Vec<_> = parents.iter().enumerate().map(|(node, of)| down(node, of)).collect();
        let mut depth = vec![0; parents.len()];
        for node in &order {
            depth[*node] = parents[*node].iter().map(|parent| depth[*parent] + 1).max().unwrap_or(0);
        }
        Graph { children: turned(&parents), parents, order, depth }
    }
}

/// The children of each node.
fn turned(parents: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut children = vec![Vec::new(); parents.len()];
    for (node, of) in parents.iter().enumerate() {
        of.iter().for_each(|parent| children[*parent].push(node));
    }
    children
}

/// All nodes, each after its parents; those of circles at the end.
fn order(parents: &[Vec<usize>]) -> Vec<usize> {
    let children = turned(parents);
    let mut left: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut ready: VecDeque<usize> = (0..parents.len()).filter(|node| left[*node] == 0).collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(node) = ready.pop_front() {
        order.push(node);
        for child in &children[node] {
            left[*child] -= 1;
            if left[*child] == 0 {
                ready.push_back(*child);
            }
        }
    }
    order.extend((0..parents.len()).filter(|node| left[*node] > 0));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_comes_after_its_parents() {
        let graph = Graph::new(vec![vec![2], vec![0, 2], vec![], vec![1, 0, 0]]);
        assert_eq!(graph.order, [2, 0, 1, 3]);
        assert_eq!(graph.depth, [1, 2, 0, 3]);
        assert_eq!(graph.children, [vec![1, 3], vec![3], vec![0, 1], vec![]]);
    }

    #[test]
    fn what_is_no_graph_is_drawn_as_one() {
        let graph = Graph::new(vec![vec![1, 7], vec![0], vec![2], vec![0]]);
        assert_eq!(graph.parents, [vec![], vec![0], vec![], vec![0]], "a circle, a loop and an unknown node");
        assert_eq!(Graph::new(vec![]).order, [0; 0]);
    }
}
