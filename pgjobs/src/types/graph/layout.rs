//! Where the nodes of a graph stand: in columns by their depth, so that edges lead from left to right, and in
//! rows so that neighbours stand near each other and nothing lies upon another.

use super::nodes::Graph;

/// What has more rows fits no screen: there columns begin at the top, so that the beginning is seen first.
const SCREEN: f64 = 24.0;
/// How often the order within columns is improved.
const SWEEPS: usize = 6;
/// The part of a row that an edge takes which passes a column.
const PASSING: f64 = 0.35;
/// With more places than so many for passing edges they lead straight, behind the nodes.
const MOST_PASSING: usize = 4_000;

/// The places of the nodes and the ways of the edges.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// Of each node its column and the middle of its row, from 0.5.
    pub(crate) places: Vec<(usize, f64)>,
    pub(crate) edges: Vec<Way>,
    pub(crate) columns: usize,
    /// How many rows there are.
    pub(crate) rows: f64,
}

/// The way of an edge.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Way {
    pub(crate) parent: usize,
    pub(crate) child: usize,
    /// The heights at which it passes the columns between both.
    pub(crate) passes: Vec<f64>,
}

/// What stands in a column: a node, or an edge that passes.
struct Thing {
    column: usize,
    height: f64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// Places all nodes. Takes a time that grows with nodes and edges, and little more.
pub(crate) fn layout(graph: &Graph) -> Layout {
    let (things, mut edges) = things(graph);
    let mut columns = columns(&things);
    for sweep in 0..SWEEPS {
        improve(&things, &mut columns, sweep % 2 == 0);
    }
    let (middles, rows) = heights(&things, &columns);
    for (way, passes) in &mut edges {
        way.passes = passes.iter().map(|thing| middles[*thing]).collect();
    }
    Layout {
        places: (0..graph.depth.len()).map(|node| (graph.depth[node], middles[node])).collect(),
        edges: edges.into_iter().map(|(way, _)| way).collect(),
        columns: columns.len(),
        rows,
    }
}

/// The nodes, and a thing for each column that an edge passes; of each edge those things.
fn things(graph: &Graph) -> (Vec<Thing>, Vec<(Way, Vec<usize>)>) {
    let thing = |column, height| Thing { column, height, before: vec![], after: vec![] };
    let mut things: Vec<Thing> = graph.depth.iter().map(|depth| thing(*depth, 1.0)).collect();
    let pairs =
        || graph.parents.iter().enumerate().flat_map(|(child, of)| of.iter().map(move |p| (*p, child)));
    let passing: usize = pairs().map(|(parent, child)| graph.depth[child] - graph.depth[parent] - 1).sum();
    let mut edges = Vec::new();
    for (parent, child) in pairs() {
        let between = graph.depth[parent] + 1..graph.depth[child];
        let mut passes = Vec::new();
        let mut last = parent;
        for column in between.filter(|_| passing <= MOST_PASSING) {
            things.push(thing(column, PASSING));
            let this = things.len() - 1;
            join(&mut things, last, this);
            passes.push(this);
            last = this;
        }
        join(&mut things, last, child);
        edges.push((Way { parent, child, passes: vec![] }, passes));
    }
    (things, edges)
}

fn join(things: &mut [Thing], before: usize, after: usize) {
    things[before].after.push(after);
    things[after].before.push(before);
}

/// The things of each column, at first in their own order.
fn columns(things: &[Thing]) -> Vec<Vec<usize>> {
    let number = things.iter().map(|thing| thing.column + 1).max().unwrap_or(0);
    let mut columns = vec![Vec::new(); number];
    things.iter().enumerate().for_each(|(nth, thing)| columns[thing.column].push(nth));
    columns
}

/// Orders each column by where its neighbours of the column before (or after) stand in theirs.
fn improve(things: &[Thing], columns: &mut [Vec<usize>], is_forward: bool) {
    let mut place = vec![0.0; things.len()];
    let mut steps: Vec<usize> = (0..columns.len()).collect();
    if !is_forward {
        steps.reverse();
    }
    for column in steps {
        let toward = |thing: usize| if is_forward { &things[thing].before } else { &things[thing].after };
        let mut keyed: Vec<(f64, usize)> = columns[column]
            .iter()
            .enumerate()
            .map(|(nth, thing)| {
                (mean(toward(*thing), &place).unwrap_or(share(nth, columns[column].len())), *thing)
            })
            .collect();
        keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
        columns[column] = keyed.into_iter().map(|(_, thing)| thing).collect();
        let number = columns[column].len();
        columns[column].iter().enumerate().for_each(|(nth, thing)| place[*thing] = share(nth, number));
    }
}

/// The place of the nth of so many, between 0 and 1.
fn share(nth: usize, of: usize) -> f64 {
    (nth as f64 + 0.5) / of.max(1) as f64
}

fn mean(nodes: &[usize], of: &[f64]) -> Option<f64> {
    (!nodes.is_empty()).then(|| nodes.iter().map(|node| of[*node]).sum::<f64>() / nodes.len() as f64)
}

/// The middle of each thing, and how many rows all take.
fn heights(things: &[Thing], columns: &[Vec<usize>]) -> (Vec<f64>, f64) {
    let (middles, rows) = from_top(things, near(things, columns));
    if rows <= SCREEN {
        return (middles, rows);
    }
    let mut middles = vec![0.0; things.len()];
    let mut rows: f64 = 0.0;
    for column in columns {
        let mut top = 0.0;
        for thing in column {
            middles[*thing] = top + things[*thing].height / 2.0;
            top += things[*thing].height;
        }
        rows = rows.max(top);
    }
    (middles, rows)
}

/// Each thing as near as it can be to those before it, and none upon another.
fn near(things: &[Thing], columns: &[Vec<usize>]) -> Vec<f64> {
    let mut middles = vec![0.0; things.len()];
    for column in columns {
        let mut least = f64::NEG_INFINITY;
        let mut moved = 0.0;
        for thing in column {
            let half = things[*thing].height / 2.0;
            let wished = mean(&things[*thing].before, &middles).unwrap_or(0.5);
            middles[*thing] = wished.max(least + half);
            moved += middles[*thing] - wished;
            least = middles[*thing] + half;
        }
        // A column in which things made way downwards is moved up by the mean of that.
        let moved = moved / column.len().max(1) as f64;
        column.iter().for_each(|thing| middles[*thing] -= moved);
    }
    middles
}

/// The same from a top at 0, and the height of all.
fn from_top(things: &[Thing], middles: Vec<f64>) -> (Vec<f64>, f64) {
    let edge = |thing: usize, sign: f64| middles[thing] + sign * things[thing].height / 2.0;
    let first = (0..things.len()).map(|thing| edge(thing, -1.0)).fold(f64::INFINITY, f64::min);
    let last = (0..things.len()).map(|thing| edge(thing, 1.0)).fold(f64::NEG_INFINITY, f64::max);
    let rows = if things.is_empty() { 0.0 } else { last - first };
    (middles.iter().map(|middle| middle - first).collect(), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parents: &[&[usize]]) -> Layout {
        layout(&Graph::new(parents.iter().map(|of| of.to_vec()).collect()))
    }

    fn assert_apart(layout: &Layout) {
        for (nth, one) in layout.places.iter().enumerate() {
            assert!(one.1 >= 0.5 - 1e-9 && one.1 <= layout.rows - 0.5 + 1e-9, "{one:?} of {}", layout.rows);
            for other in &layout.places[nth + 1..] {
                assert!(one.0 != other.0 || (one.1 - other.1).abs() > 1.0 - 1e-9, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_chain_is_a_line() {
        let layout = of(&[&[], &[0], &[1]]);
        assert_eq!(layout.places, [(0, 0.5), (1, 0.5), (2, 0.5)]);
        assert_eq!((layout.columns, layout.rows), (3, 1.0));
    }

    #[test]
    fn a_diamond_is_even_and_its_long_edge_goes_around() {
        let layout = of(&[&[], &[0], &[0], &[1, 2, 0]]);
        assert_apart(&layout);
        let long = layout.edges.iter().find(|way| (way.parent, way.child) == (0, 3)).unwrap();
        let height = long.passes[0];
        for node in [1, 2] {
            assert!((layout.places[node].1 - height).abs() >= 0.5 + PASSING / 2.0 - 1e-9, "{layout:?}");
        }
    }

    #[test]
    fn edges_do_not_cross_where_they_need_not() {
        let layout = of(&[&[], &[], &[], &[2], &[1], &[0]]);
        for node in 0..3 {
            assert!((layout.places[node].1 - layout.places[5 - node].1).abs() < 1e-9, "{layout:?}");
        }
    }

    #[test]
    fn five_hundred_nodes_have_places_of_their_own() {
        let node = |n: usize| if n < 20 { vec![] } else { vec![n - 20, (n * 7) % (n - 10), n / 3] };
        let graph = Graph::new((0..500).map(node).collect());
        assert_apart(&layout(&graph));
        assert_eq!(layout(&Graph::new(vec![])).rows, 0.0);
    }
}
