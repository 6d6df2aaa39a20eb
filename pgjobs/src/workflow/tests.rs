//! What a flow sends, compared with what SQL takes.

mod undos;

use std::time::Duration;

use serde_json::{Value, json};

use super::encode::encode;
use super::{Flow, NodeFailure, OnFailure, Results, chain, chord, group};
use crate::types::error::Error;
use crate::{NewJob, TaskError, Unique};

#[pgjobs_macros::task(crate = crate, name = "t.page", retries = 5)]
async fn page(id: i64, #[default("a4".to_owned())] size: String) -> Result<String, TaskError> {
    Ok(format!("{id} {size}"))
}

#[pgjobs_macros::task(crate = crate, name = "t.bind")]
async fn bind(pages: Vec<String>, title: Option<String>) -> Result<u32, TaskError> {
    let _ = title;
    Ok(u32::try_from(pages.len()).unwrap_or_default())
}

#[pgjobs_macros::task(crate = crate, name = "t.mail")]
async fn mail(user: i64, #[from] sheets: u32) {
    let _ = (user, sheets);
}

#[pgjobs_macros::task(crate = crate, name = "t.check")]
async fn check(#[from] sheets: Result<u32, NodeFailure>, #[from] pages: Vec<Result<String, NodeFailure>>) {
    let _ = (sheets, pages);
}

#[pgjobs_macros::task(crate = crate, name = "t.count")]
async fn count(pages: Results<String>) -> Result<u64, TaskError> {
    let _ = pages;
    Ok(0)
}

#[pgjobs_macros::task(crate = crate, name = "t.ids")]
async fn ids() -> Result<Vec<i64>, TaskError> {
    Ok(vec![])
}

#[pgjobs_macros::task(crate = crate, name = "t.many")]
async fn many(numbers: Vec<i64>) {
    let _ = numbers;
}

const DEFAULTS: &str = r#"{"checked": true, "priority": 0, "timeout": 60.0, "max_retries": 3}"#;

/// The nodes and their undos as JSON, without what typed calls always say.
fn sent<R>(flow: &Flow<R>) -> Vec<Value> {
    let text = encode(&flow.nodes, flow.options.on_failure).unwrap();
    let mut nodes: Vec<Value> = serde_json::from_str(&text).unwrap();
    let defaults: Value = serde_json::from_str(DEFAULTS).unwrap();
    let strip = |call: &mut serde_json::Map<_, _>| {
        call.retain(|key: &String, value| defaults.get(key) != Some(value))
    };
    for node in nodes.iter_mut().filter_map(Value::as_object_mut) {
        strip(node);
        node.get_mut("undo").and_then(Value::as_object_mut).map(strip);
    }
    nodes
}

fn refused<R>(flow: &Flow<R>) -> String {
    encode(&flow.nodes, flow.options.on_failure).unwrap_err().to_string()
}

#[test]
fn a_flow_sends_its_nodes_with_edges_and_binds() {
    let mut flow = Flow::new("report");
    let pages = flow.group("page", [1, 2].map(page::new));
    let sheets = flow.then("bind", &pages, bind::after().title("Year"));
    flow.then("mail", sheets, mail::after(7)).priority(5).delay(Duration::from_secs(1)).tag("eu");
    assert_eq!(
        sent(&flow),
        [
            json!({"name": "page", "task": "t.page", "max_retries": 5, "keep_results": true, "each": [
                {"args": [], "kwargs": {"id": 1, "size": "a4"}}, {"args": [], "kwargs": {"id": 2, "size": "a4"}}]}),
            json!({"name": "bind", "task": "t.bind", "body": {"args": [], "kwargs": {"title": "Year"}},
                   "after": [{"node": "page"}], "bind": {"pages": {"node": "page", "as": "value"}}}),
            json!({"name": "mail", "task": "t.mail", "body": {"args": [], "kwargs": {"user": 7}}, "priority": 5,
                   "delay": 1.0, "meta": {"tags": ["eu"]},
                   "after": [{"node": "bind"}], "bind": {"sheets": {"node": "bind", "as": "value"}}}),
        ]
    );
}

#[test]
fn an_argument_that_is_a_result_continues_after_failures() {
    let mut flow = Flow::new("report");
    let pages = flow.group("page", [page::new(1)]);
    let sheets = flow.then("bind", &pages, bind::after());
    flow.then("check", (&sheets, &pages), check::after());
    flow.then("count", &pages, count::after());
    let nodes = sent(&flow);
    let results = |node: &str| json!({"node": node, "as": "results"});
    assert_eq!(nodes[2]["bind"], json!({"sheets": results("bind"), "pages": results("page")}));
    let go_on = |node: &str| json!({"node": node, "on_failure": "continue"});
    assert_eq!(nodes[2]["after"], json!([go_on("bind"), go_on("page")]));
    assert_eq!(nodes[3]["bind"], json!({"pages": {"node": "page", "as": "handle"}}));
    assert_eq!(nodes[3]["after"], json!([{"node": "page"}]));
}

#[test]
fn edges_say_when_and_what_a_failure_does() {
    let mut flow = Flow::new("report");
    let a = flow.node("a", page::new(1));
    let b = flow.node("b", NewJob::named("py.b").arg(1)).after(&a).condition(json!("1 a4"));
    flow.node("c", NewJob::named("py.c")).after(&a).when_failed().after(&b).always().bind("x", &a);
    flow.node("d", NewJob::named("py.d")).after(&b).on_failure(OnFailure::Cancel);
    let nodes = sent(&flow);
    assert_eq!(nodes[1]["after"], json!([{"node": "a", "condition": "1 a4"}]));
    assert_eq!(nodes[1]["body"], json!({"args": [1], "kwargs": {}}));
    assert!(nodes[1].get("checked").is_none() && nodes[1].get("priority").is_none());
    assert_eq!(nodes[2]["after"], json!([{"node": "a", "when": "failure"}, {"node": "b", "when": "ended"}]));
    assert_eq!(nodes[2]["bind"], json!({"x": {"node": "a"}}));
    assert_eq!(nodes[3]["after"], json!([{"node": "b", "on_failure": "cancel"}]));
}

#[test]
fn lists_become_jobs_for_each_element_or_part() {
    let mut flow = Flow::new("report");
    let list = flow.node("ids", ids::new());
    let pages = flow.map("page", &list, page::after().size("a5"));
    flow.chunks("many", &list, 10, many::after());
    flow.then("bind", pages, bind::after());
    let nodes = sent(&flow);
    assert_eq!(nodes[1]["each"], json!({"node": "ids", "param": "id"}));
    assert_eq!(nodes[1]["body"], json!({"args": [], "kwargs": {"size": "a5"}}));
    assert_eq!(nodes[1]["after"], json!([{"node": "ids"}]));
    assert_eq!(nodes[2]["each"], json!({"node": "ids", "param": "numbers", "chunk": 10}));
    assert!(nodes[2].get("keep_results").is_none(), "it returns nothing");
}

#[test]
fn a_value_is_not_asked_of_a_parent_that_failed() {
    let value_of = |set: fn(super::Node<()>) -> super::Node<()>| {
        let mut flow = Flow::new("report");
        let sheets = flow.node("bind", bind::new(vec![]));
        set(flow.then("mail", &sheets, mail::after(7)));
        flow
    };
    let why = "node `mail`: its argument is the result of `bind`, and there is none when `bind` failed";
    for set in [
        (|node| node.when_failed()) as fn(super::Node<()>) -> super::Node<()>,
        |node| node.always(),
        |node| node.on_failure(OnFailure::Continue),
    ] {
        let error = refused(&value_of(set));
        assert!(error.starts_with(why) && error.contains("Result<T, NodeFailure>"), "{error}");
    }
    let refusal = refused(&value_of(|node| node.on_failure(OnFailure::Compensate)));
    assert_eq!(refusal, "node `mail`: `compensate` is for a flow; an edge takes hold, cancel or continue");
    let flow = value_of(|node| node).on_failure(OnFailure::Continue);
    assert_eq!(sent(&flow)[1]["after"], json!([{"node": "bind", "on_failure": "cancel"}]));
}

#[test]
fn a_node_of_a_unique_job_is_refused_unless_it_runs_beside_the_holder() {
    let call = || NewJob::named("py.a").unique(Unique::by("one"));
    let mut flow = Flow::new("report");
    flow.node("a", call());
    assert!(refused(&flow).starts_with("node `a`: its job is unique"));
    let mut flow = Flow::new("report");
    flow.node("a", call()).not_unique();
    assert_eq!(sent(&flow)[0]["unique"], json!(false));
}

#[test]
fn flows_within_flows_have_longer_names_and_their_handles_stay() {
    let mut inner = Flow::new("inner");
    let first = inner.node("page", page::new(1));
    let mut middle = Flow::new("middle");
    let _ = middle.include("c", inner);
    middle.node("own", page::new(2));
    let mut flow = Flow::new("outer");
    let start = flow.node("start", page::new(0));
    let part = flow.include("b", middle).after(&start);
    flow.node("end", page::new(3)).after(&part);
    let mut outermost = Flow::new("outermost");
    let _ = outermost.include("a", flow);
    outermost.node("last", page::new(4)).after(&first);
    let nodes = sent(&outermost);
    let names: Vec<&str> = nodes.iter().filter_map(|node| node["name"].as_str()).collect();
    assert_eq!(names, ["a/start", "a/b/c/page", "a/b/own", "a/end", "last"]);
    assert_eq!(nodes[1]["after"], json!([{"node": "a/start"}]));
    assert_eq!(nodes[3]["after"], json!([{"node": "a/b/c/page"}, {"node": "a/b/own"}]));
    assert_eq!(nodes[4]["after"], json!([{"node": "a/b/c/page"}]));
    assert_eq!(first.name(), "a/b/c/page");
}

#[test]
fn an_edge_from_another_flow_is_refused_with_both_names() {
    let mut other = Flow::new("other");
    let foreign = other.node("foreign", page::new(1));
    let mut flow = Flow::new("report");
    flow.node("a", page::new(1)).after(&foreign);
    let error = refused(&flow);
    assert!(error.starts_with("node `a`: `foreign` comes before it and is in another flow"), "{error}");
}

#[test]
fn chains_name_their_nodes_after_tasks() {
    let (flow, _) = chain(ids::new()).map(page::after()).then(bind::after()).into_flow();
    let names: Vec<_> = sent(&flow).iter().map(|node| node["name"].clone()).collect();
    assert_eq!(names, ["ids", "page", "bind"]);
    let (flow, _) = group([page::new(1)]).then(bind::after()).then(mail::after(1)).into_flow();
    assert_eq!(sent(&flow)[2]["after"], json!([{"node": "bind"}]));
    let (mut flow, last) = chord([page::new(1)], bind::after()).with(|node| node.retries(9)).into_flow();
    assert_eq!(sent(&flow)[1]["max_retries"], 9);
    flow.node("next", page::new(1)).after(last);
}

#[test]
fn options_of_a_flow_are_those_of_the_function() {
    let mut flow = Flow::new("report");
    let sheets = flow.node("bind", bind::new(vec![]));
    let flow = flow
        .on_failure(OnFailure::CancelAll)
        .timeout(Duration::from_secs(9))
        .meta("by", "me")
        .returns(&sheets);
    let options: Value = serde_json::from_str(&flow.options.json().unwrap()).unwrap();
    let meta = json!({"by": "me"});
    assert_eq!(options, json!({"on_failure": "cancel_all", "timeout": 9.0, "result": "bind", "meta": meta}));
}

#[test]
fn what_cannot_be_json_is_refused_at_the_publish() {
    let mut flow = Flow::new("report");
    let odd = std::collections::HashMap::from([((1, 2), 3)]);
    flow.node("a", NewJob::named("py.a").arg(odd));
    assert!(matches!(encode(&flow.nodes, OnFailure::Hold), Err(Error::Encode(_))));
    let mut flow = Flow::new("report");
    flow.node("a\0", NewJob::named("py.a"));
    assert!(refused(&flow).contains("NUL"));
    assert!(Flow::new("re\0port").options.json().unwrap_err().to_string().contains("its name holds a NUL"));
}

#[test]
fn what_is_said_of_an_edge_before_there_is_one_is_refused() {
    let mut flow = Flow::new("f");
    let first = flow.node("first", page::new(1));
    flow.node("alert", page::new(2)).when_failed().after(&first);
    assert!(refused(&flow).contains("it waits for nobody yet: say `.after(&node)` first"));
    let mut flow = Flow::new("f");
    let first = flow.node("first", page::new(1));
    flow.node("alert", page::new(2)).after(&first).when_failed().on_failure(OnFailure::Cancel);
    assert!(refused(&flow).contains("`.on_failure` is for an edge that waits for success"));
}

#[test]
fn nothing_is_said_of_a_node_that_is_there_already() {
    for set in [
        |node: super::Node<String>, first: &super::Node<String>| node.after(first),
        |node: super::Node<String>, _: &super::Node<String>| node.priority(4),
        |node: super::Node<String>, _: &super::Node<String>| node.undo_call(page::new(1)),
    ] {
        let mut flow = Flow::new("f");
        let first = flow.node("first", page::new(1));
        let there = flow.existing::<String>("report");
        let _ = set(there, &first);
        assert!(refused(&flow).contains("the workflow has it already"));
    }
}

#[test]
fn a_part_without_nodes_keeps_the_order() {
    let mut flow = Flow::new("f");
    let first = flow.node("first", page::new(1));
    let part = flow.include("part", Flow::new("none")).after(&first);
    flow.node("last", page::new(2)).after(&part);
    assert_eq!(sent(&flow)[1]["after"], json!([{"node": "first"}]));
}
