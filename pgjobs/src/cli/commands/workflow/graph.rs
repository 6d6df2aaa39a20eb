//! Nodes of a workflow as lines of text: the graph, and beside each node its state and what there is to say.

use std::collections::HashMap;

use super::lanes::{self, Drawn};
use super::style;
use crate::cli::output::format;
use crate::cli::output::lines::Line;
use crate::inspect::{NodeRow, waits};
use crate::types::graph::{Folded, Graph, fold};
use crate::types::text::shown;
use crate::types::workflow::NodeState;

/// Above so many nodes, those that look and stand alike are drawn as one.
const FOLDED_ABOVE: usize = 40;
/// The longest name that has its own column.
const LONGEST: usize = 32;

/// The lines of the graph; `is_whole`: a line for each node, however many there are.
pub(super) fn draw(nodes: &[NodeRow], is_whole: bool) -> Vec<Line> {
    let at: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(nth, node)| (node.name.as_str(), nth)).collect();
    let parents = nodes
        .iter()
        .map(|node| node.after.iter().filter_map(|edge| at.get(edge.node.as_str()).copied()).collect());
    let graph = Graph::new(parents.collect());
    let folded = if is_whole || nodes.len() <= FOLDED_ABOVE {
        Folded::nothing(graph)
    } else {
        let looks: Vec<_> = nodes.iter().map(|node| (&node.task, node.state, node.is_group)).collect();
        fold(&graph, &looks)
    };
    let state_of = |name: &str| at.get(name).map(|nth| nodes[*nth].state);
    let texts: Vec<Text> = folded.members.iter().map(|members| Text::of(nodes, members, &state_of)).collect();
    let width = texts.iter().map(|text| text.name.chars().count()).max().unwrap_or(0).min(LONGEST);
    let without_lanes = || {
        let alone = |node: &usize| Drawn::Node { before: String::new(), after: String::new(), node: *node };
        folded.graph.order.iter().map(alone).collect()
    };
    let drawn = lanes::draw(&folded.graph).unwrap_or_else(without_lanes);
    drawn.into_iter().map(|line| line_of(line, &texts, width)).collect()
}

fn line_of(drawn: Drawn, texts: &[Text], width: usize) -> Line {
    match drawn {
        Drawn::Lanes(text) => Line::from(text),
        Drawn::Node { before, after, node } => {
            let text = &texts[node];
            let sign = sign(text.state);
            let line = match style(text.state) {
                Some(style) => Line::from(before).paint(style, sign),
                None => Line::from(before).plain(sign),
            };
            text.after(line.plain(&after).plain(" "), width)
        }
    }
}

/// The sign of a state, which its word explains.
fn sign(state: &str) -> &'static str {
    match state {
        "waiting" => "○",
        "running" => "▶",
        "success" => "✓",
        "failed" => "✗",
        "skipped" => "–",
        "cancelled" => "⊘",
        _ => "?",
    }
}

/// What stands beside a node.
struct Text<'a> {
    /// Escaped, because its width is measured.
    name: String,
    state: &'a str,
    more: String,
}

impl<'a> Text<'a> {
    fn of(nodes: &'a [NodeRow], members: &[usize], state_of: &dyn Fn(&str) -> Option<NodeState>) -> Self {
        let first = &nodes[members[0]];
        let mut more = vec![what(first, &Jobs::of(members.iter().map(|at| &nodes[*at])))];
        let name = match members.len() {
            1 => {
                more.extend(waits(first, state_of));
                first.name.clone()
            }
            n => {
                more.push(format!("{} to {}", first.name, nodes[members[n - 1]].name));
                format!("{n} nodes")
            }
        };
        more.extend(condition(first));
        more.extend(first.reason.clone());
        Text { name: shown(&name).into_owned(), state: first.state.as_str(), more: more.join(", ") }
    }

    fn after(&self, line: Line, width: usize) -> Line {
        let state = format!("{:<9}", self.state);
        let line = line.plain(&format!("{:<width$}  ", self.name));
        let line = match style(self.state) {
            Some(style) => line.paint(style, &state),
            None => line.plain(&state),
        };
        line.plain(&format!("  {}", self.more))
    }
}

/// How far the jobs of nodes are that are drawn as one.
struct Jobs {
    all: i64,
    ended: i64,
    failed: i64,
}

impl Jobs {
    fn of<'a>(nodes: impl Iterator<Item = &'a NodeRow>) -> Self {
        nodes.fold(Jobs { all: 0, ended: 0, failed: 0 }, |sum, node| Jobs {
            all: sum.all + i64::from(node.jobs),
            ended: sum.ended + i64::from(node.jobs - node.open),
            failed: sum.failed + i64::from(node.failed),
        })
    }
}

/// The task; of groups also how far their jobs are.
fn what(node: &NodeRow, jobs: &Jobs) -> String {
    if !node.is_group {
        return node.task.clone();
    }
    if node.state == NodeState::Waiting {
        return format!("group of {}", node.task);
    }
    let failed =
        if jobs.failed > 0 { format!(", {} failed", format::count(jobs.failed)) } else { String::new() };
    let (all, ended) = (format::count(jobs.all), format::count(jobs.ended));
    format!("{all} × {}, {ended} ended{failed}", node.task)
}

/// What its edges want, where that is not success.
fn condition(node: &NodeRow) -> Option<String> {
    let edge = node.after.iter().find(|edge| edge.when != "success" || edge.condition.is_some())?;
    Some(match edge.when.as_str() {
        "failure" => format!("only if {} fails", edge.node),
        "ended" => format!("however {} ends", edge.node),
        _ => format!("on a condition of {}", edge.node),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::lines::Lines;
    use crate::inspect::NodeEdge;

    fn node(name: &str, state: &str, after: &[&str]) -> NodeRow {
        let edge = |node: &&str| {
            let (node, when) = node.split_once('|').unwrap_or((node, "success"));
            serde_json::from_value::<NodeEdge>(serde_json::json!({ "node": node, "when": when })).unwrap()
        };
        NodeRow::for_tests(name, state.parse().unwrap(), after.iter().map(edge).collect())
    }

    fn group(name: &str, state: &str, jobs: [i32; 3], after: &[&str]) -> NodeRow {
        let [jobs, open, failed] = jobs;
        NodeRow { is_group: true, jobs, open, failed, ..node(name, state, after) }
    }

    fn drawn(nodes: &[NodeRow]) -> String {
        Lines::from(draw(nodes, false)).print(false)
    }

    #[test]
    fn states_counts_and_what_is_waited_for_stand_beside_the_graph() {
        let nodes = [
            node("fetch", "success", &[]),
            group("rows", "failed", [41, 0, 2], &["fetch"]),
            group("images", "running", [6016, 1438, 0], &["fetch"]),
            node("check", "waiting", &["rows"]),
            node("publish", "waiting", &["check", "images"]),
            node("alert", "skipped", &["publish|failure"]),
        ];
        let golden = "\
✓   fetch    success    demo
├─┐
│ ✗ rows     failed     41 × demo, 41 ended, 2 failed
│ ○ check    waiting    demo, held: rows failed
▶ │ images   running    6,016 × demo, 4,578 ended
├─┘
○   publish  waiting    demo, waits for check, images
–   alert    skipped    demo, only if publish fails
";
        assert_eq!(drawn(&nodes), golden);
    }

    #[test]
    fn five_hundred_nodes_are_drawn_as_a_few() {
        let mut nodes = vec![node("list", "success", &[])];
        let name = |n: usize| format!("part {n}");
        nodes.extend((0..498).map(|n| node(&name(n), if n < 7 { "success" } else { "waiting" }, &["list"])));
        let names: Vec<String> = (0..498).map(name).collect();
        nodes.push(node("bind", "waiting", &names.iter().map(String::as_str).collect::<Vec<_>>()));
        let golden = "\
✓   list       success    demo
├─┐
│ ✓ 7 nodes    success    demo, part 0 to part 6
○ │ 491 nodes  waiting    demo, part 7 to part 497
├─┘
○   bind       waiting    demo, waits for part 0, part 1, part 2 and 495 more
";
        assert_eq!(drawn(&nodes), golden);
        assert!(draw(&nodes, true).len() >= 500, "each node has its line where all are wanted");
    }

    #[test]
    fn groups_are_drawn_as_one_with_all_their_jobs_apart_from_others() {
        let single = (0..25).map(|n| node(&format!("one {n}"), "running", &[]));
        let groups = (0..25).map(|n| group(&format!("many {n}"), "running", [10, 4, 1], &[]));
        let golden = "\
▶ 25 nodes  running    demo, one 0 to one 24
▶ 25 nodes  running    250 × demo, 150 ended, 25 failed, many 0 to many 24
";
        assert_eq!(drawn(&single.chain(groups).collect::<Vec<_>>()), golden);
    }

    #[test]
    fn names_of_others_make_no_lines_and_no_colours() {
        let text = drawn(&[node("a\n\u{1b}[31m", "success", &[]), node("b", "waiting", &["a\n\u{1b}[31m"])]);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains(r"a\u{a}\u{1b}[31m") && !text.contains('\u{1b}'), "{text}");
    }
}
