//! What is drawn of a workflow: its nodes, or where they are many one node for those that stand alike.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::inspect::{NodeRow, waits};
use crate::types::graph::{Folded, Graph, fold};
use crate::web::dashboard::words::{number, span};

/// Above so many nodes, those that look and stand alike are drawn as one.
pub(super) const FOLDED_ABOVE: usize = 60;

/// The nodes in their order, and the graph of what is drawn.
pub(super) struct Drawn<'a> {
    pub(super) workflow: i64,
    pub(super) nodes: &'a [NodeRow],
    pub(super) folded: Folded,
    /// Edges between drawn nodes that are followed on a condition only.
    pub(super) conditional: HashSet<(usize, usize)>,
    at: HashMap<&'a str, usize>,
}

impl<'a> Drawn<'a> {
    pub(super) fn of(workflow: i64, nodes: &'a [NodeRow]) -> Self {
        let at: HashMap<&str, usize> =
            nodes.iter().enumerate().map(|(nth, node)| (node.name.as_str(), nth)).collect();
        let parents = nodes
            .iter()
            .map(|node| node.after.iter().filter_map(|edge| at.get(edge.node.as_str()).copied()).collect());
        let graph = Graph::new(parents.collect());
        let folded = if nodes.len() > FOLDED_ABOVE {
            let looks: Vec<_> = nodes.iter().map(|node| (&node.task, node.state, node.is_group)).collect();
            fold(&graph, &looks)
        } else {
            Folded::nothing(graph)
        };
        let conditional = conditional(nodes, &folded, &at);
        Drawn { workflow, nodes, folded, conditional, at }
    }

    /// The first of those that a drawn node stands for, and how many these are.
    pub(super) fn first(&self, drawn: usize) -> (&'a NodeRow, usize) {
        let members = &self.folded.members[drawn];
        (&self.nodes[members[0]], members.len())
    }

    /// In a few words why a node waits, how far it is, or how long it took.
    pub(super) fn short(&self, node: &NodeRow, now: DateTime<Utc>) -> String {
        match (node.state.as_str(), node.started_at) {
            ("success" | "running", Some(started)) if !node.is_group => {
                span(node.ended_at.unwrap_or(now) - started)
            }
            _ => self.words(node),
        }
    }

    /// Why a node waits, how far it is, or how it ended.
    pub(super) fn words(&self, node: &NodeRow) -> String {
        let state_of = |name: &str| self.at.get(name).map(|nth| self.nodes[*nth].state);
        if let Some(waits) = waits(node, &state_of) {
            return waits;
        }
        if node.is_group && node.jobs > 0 {
            let (ended, jobs) = (i64::from(node.jobs - node.open), i64::from(node.jobs));
            return format!("{} of {}", number(ended), number(jobs));
        }
        node.state.to_string()
    }
}

/// The pairs of drawn nodes between which an edge wants something else than success.
fn conditional(nodes: &[NodeRow], folded: &Folded, at: &HashMap<&str, usize>) -> HashSet<(usize, usize)> {
    let mut drawn_as = vec![0; nodes.len()];
    for (drawn, members) in folded.members.iter().enumerate() {
        members.iter().for_each(|node| drawn_as[*node] = drawn);
    }
    let edges =
        nodes.iter().enumerate().flat_map(|(child, node)| node.after.iter().map(move |edge| (child, edge)));
    edges
        .filter(|(_, edge)| edge.when != "success" || edge.condition.is_some())
        .filter_map(|(child, edge)| Some((drawn_as[*at.get(edge.node.as_str())?], drawn_as[child])))
        .collect()
}
