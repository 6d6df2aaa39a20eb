//! What takes a node back, as it is sent.

use serde_json::json;

use super::{Flow, NewJob, NodeFailure, OnFailure, bind, mail, page, sent};

#[test]
fn undo_takes_the_result_of_its_own_node() {
    let mut flow = Flow::new("report");
    flow.node("bind", bind::new(vec![])).undo(mail::after(7));
    flow.node("page", page::new(1)).undo_call(NewJob::named("py.undo"));
    let nodes = sent(&flow);
    let body = json!({"args": [], "kwargs": {"user": 7}});
    let bind = json!({"sheets": {"node": "bind", "as": "value"}});
    assert_eq!(nodes[0]["undo"], json!({"task": "t.mail", "body": body, "bind": bind}));
    assert_eq!(nodes[1]["undo"], json!({"task": "py.undo", "body": {"args": [], "kwargs": {}}}));
    let mut flow = Flow::new("report");
    let undo = NewJob::named("py.undo").retries(9).priority(2).meta("why", "late");
    flow.node("page", page::new(1)).undo_call(undo);
    let options = &sent(&flow)[0]["undo"];
    assert_eq!((&options["max_retries"], &options["priority"]), (&json!(9), &json!(2)));
    assert_eq!(options["meta"], json!({"why": "late"}));
}

#[pgjobs_macros::task(crate = crate, name = "t.undo")]
async fn undo(#[from] pages: Vec<Result<String, NodeFailure>>) {
    let _ = pages;
}

#[test]
fn an_undo_gets_the_result_in_the_form_that_its_task_takes() {
    let mut flow = Flow::new("f").on_failure(OnFailure::Compensate);
    flow.group("pages", [page::new(1)]).undo(undo::after());
    let nodes = sent(&flow);
    assert_eq!(nodes[0]["undo"]["bind"], json!({"pages": {"node": "pages", "as": "results"}}));
    assert_eq!(nodes[0]["undo"]["task"], "t.undo");
}
