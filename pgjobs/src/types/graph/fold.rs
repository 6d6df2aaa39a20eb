//! Nodes that look alike and stand alike, drawn as one.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use super::nodes::Graph;

/// So many rounds tell apart what has different neighbours; further differences are not looked for.
const ROUNDS: usize = 30;

/// A graph whose nodes stand for several of another graph.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) graph: Graph,
    /// Of each node those that it stands for, in their order.
    pub(crate) members: Vec<Vec<usize>>,
}

impl Folded {
    /// Each node stands for itself.
    pub(crate) fn nothing(graph: Graph) -> Self {
        Folded { members: (0..graph.parents.len()).map(|node| vec![node]).collect(), graph }
    }
}

/// Draws nodes as one that have equal looks and, as far as one can see, come after and before alike ones: of
/// 250 chains side by side one remains.
///
/// Nodes of one depth are drawn as one at most, so the result has no circle either.
pub(crate) fn fold<T: Hash + Eq>(graph: &Graph, looks: &[T]) -> Folded {
    let mut class = numbered((0..looks.len()).map(|node| (&looks[node], graph.depth[node])));
    for _ in 0..ROUNDS {
        let of = |nodes: &Vec<usize>| nodes.iter().map(|node| class[*node]).collect::<BTreeSet<_>>();
        let finer =
            numbered((0..class.len()).map(|n| (class[n], of(&graph.parents[n]), of(&graph.children[n]))));
        let is_stable = count(&finer) == count(&class);
        class = finer;
        if is_stable {
            break;
        }
    }
    let mut members = vec![Vec::new(); count(&class)];
    class.iter().enumerate().for_each(|(node, class)| members[*class].push(node));
    let parents = members
        .iter()
        .map(|nodes| nodes.iter().flat_map(|node| &graph.parents[*node]).map(|node| class[*node]).collect());
    Folded { graph: Graph::new(parents.collect()), members }
}

/// Equal things get equal numbers, in the order in which they are met.
fn numbered<T: Hash + Eq>(things: impl Iterator<Item = T>) -> Vec<usize> {
    let mut known = HashMap::new();
    things
        .map(|thing| {
            let next = known.len();
            *known.entry(thing).or_insert(next)
        })
        .collect()
}

fn count(class: &[usize]) -> usize {
    class.iter().max().map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_side_by_side_become_one() {
        // 0 before 100 chains of two, all before the last one; the second node of one chain looks different.
        let mut parents = vec![vec![]];
        for chain in 0..100 {
            parents.push(vec![0]);
            parents.push(vec![2 * chain + 1]);
        }
        parents.push((1..=100).map(|chain| 2 * chain).collect());
        let looks: Vec<&str> = (0..202).map(|n| if n == 6 { "odd" } else { ["b", "a"][n % 2] }).collect();
        let folded = fold(&Graph::new(parents), &looks);
        let sizes: Vec<usize> = folded.members.iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 99, 99, 1, 1, 1]);
        assert_eq!(folded.graph.depth, [0, 1, 2, 1, 2, 3]);
        assert_eq!(folded.graph.parents[5], [2, 4]);
    }

    #[test]
    fn nodes_of_a_chain_stay_apart() {
        let chain = Graph::new((0..50usize).map(|n| n.checked_sub(1).into_iter().collect()).collect());
        let folded = fold(&chain, &[0; 50]);
        assert_eq!(folded.members.len(), 50);
        assert_eq!(folded.graph, chain);
    }
}
