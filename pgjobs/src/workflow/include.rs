//! A flow within another one.

use std::collections::HashSet;

use super::draft::{As, Given, Shared};
use super::node::Parent;

/// The nodes of a flow that became a part of another one ([`Flow::include`](super::Flow::include)).
#[derive(Clone)]
#[must_use = "`.after(&node)` says what it waits for; a part that waits for nothing is `let _ = flow.include(…)`"]
pub struct Included {
    nodes: Vec<Shared>,
    /// Those without parents.
    starts: Vec<Shared>,
    /// What these wait for.
    before: Vec<Given>,
}

impl Included {
    pub(super) fn new(nodes: Vec<Shared>) -> Self {
        let starts = nodes.iter().filter(|node| node.lock().is_start()).cloned().collect();
        Included { nodes, starts, before: Vec::new() }
    }

    /// Its first nodes, those without parents, wait for this one.
    pub fn after(mut self, parent: impl Parent) -> Self {
        let parents = parent.parents();
        self.starts.iter().for_each(|node| node.lock().follow(&parents));
        self.before.extend(parents);
        self
    }
}

impl Parent for Included {
    /// Its last nodes, those that none of them waits for; of a part without nodes what it comes after.
    fn parents(&self) -> Vec<Given> {
        if self.nodes.is_empty() {
            return self.before.clone();
        }
        let edges = |node: &Shared| node.lock().edges.iter().map(|edge| edge.parent).collect::<Vec<_>>();
        let parents: HashSet<u64> = self.nodes.iter().flat_map(edges).collect();
        self.nodes
            .iter()
            .map(|node| node.given(As::Value))
            .filter(|node| !parents.contains(&node.id))
            .collect()
    }
}

impl std::fmt::Debug for Included {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.nodes.iter().map(|node| node.lock().name.clone());
        f.debug_list().entries(names).finish()
    }
}
