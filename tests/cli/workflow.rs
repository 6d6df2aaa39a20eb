//! `workflow`.

use pgjobs_tests::Db;
use serde_json::json;

use crate::app::{on, run};

/// One job of a group has failed; a node waits for the group.
async fn held() -> Db {
    let db = Db::new().await;
    // What follows from an end follows at the commit, so each is sent by itself.
    for statement in [
        r#"select jobs.publish_workflow('[{"name": "fetch", "task": "flow.fetch"},
             {"name": "rows", "task": "flow.rows", "each": [{"args": [1]}, {"args": [2]}], "max_retries": 1, "after": ["fetch"], "keep_results": true},
             {"name": "publish", "task": "flow.publish", "after": ["rows"]}]', 'catalogue')"#,
        r#"select jobs.ack(c.job_id, '{"a": 1}', c.lease) from jobs.consume_topic('flow.fetch', 1) c"#,
        r#"select jobs.ack(c.job_id, '[1.50, 12345678901234567890]', c.lease) from jobs.consume_topic('flow.rows', 1) c"#,
        r#"select jobs.nack(c.job_id, 'boom', i_lease => c.lease) from jobs.consume_topic('flow.rows', 1) c"#,
    ] {
        db.run(statement).await;
    }
    db
}

#[tokio::test]
async fn workflows_are_listed_by_state_and_name() {
    let db = held().await;
    db.run(r#"select jobs.publish_workflow('[{"name": "a", "task": "none"}]', 'import.' || n) from generate_series(1, 3) n"#).await;
    let listed = run(&mut on(&db.url, &["workflow", "list", "--state", "failed"])).data();
    let row =
        |line: &str| line.split_whitespace().take(7).eq(["1", "catalogue", "failed", "3", "1", "0", "1"]);
    assert!(listed.lines().any(row), "{listed}");
    let json =
        run(&mut on(&db.url, &["workflow", "list", "--name", "import.*", "--limit", "2", "--json"])).json();
    let names: Vec<&str> =
        json["workflows"].as_array().unwrap().iter().map(|w| w["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["import.3", "import.2"]);
    let next =
        run(&mut on(&db.url, &["workflow", "list", "--name", "import.*", "--before", "3", "--json"])).json();
    assert_eq!(next["workflows"].as_array().unwrap().len(), 1);
    assert_eq!(run(&mut on(&db.url, &["workflow", "list", "--name", "none"])).data(), "no workflows");
    let wrong = run(&mut on(&db.url, &["workflow", "list", "--state", "odd"]));
    assert!(wrong.code == Some(1) && wrong.err.contains("a workflow is in no state 'odd'"), "{wrong:?}");
}

#[tokio::test]
async fn the_graph_is_drawn_with_what_each_node_waits_for() {
    let db = held().await;
    let shown = run(&mut on(&db.url, &["workflow", "show", "1"])).data();
    let graph = "\
✓ fetch    success    flow.fetch
✗ rows     failed     2 × flow.rows, 2 ended, 1 failed
○ publish  waiting    flow.publish, held: rows failed";
    assert!(shown.ends_with(graph) && shown.contains("1 of 3 nodes failed, 1 waiting"), "{shown}");
    let json = run(&mut on(&db.url, &["workflow", "show", "1", "--json"])).json();
    assert_eq!((&json["state"], &json["graph"][2]["after"][0]["node"]), (&json!("failed"), &json!("rows")));
    let followed = run(&mut on(&db.url, &["workflow", "show", "1", "--follow"]));
    assert!(followed.code == Some(1) && followed.err.contains("workflow 1 is failed"), "{followed:?}");
    let none = run(&mut on(&db.url, &["workflow", "show", "9"]));
    assert!(none.code == Some(1) && none.err.contains("there is no workflow 9"), "{none:?}");
    let job: String = db.one("select job_id::text from jobs.node_failure").await;
    let inspected = run(&mut on(&db.url, &["inspect", "job", &job])).data();
    assert!(
        inspected.contains("Part of          it is job 2 of 2 of the node 'rows' of workflow 1, 'catalogue'"),
        "{inspected}"
    );
}

#[tokio::test]
async fn a_workflow_is_retried_and_cancelled() {
    let db = held().await;
    let retried = run(&mut on(&db.url, &["workflow", "retry", "1", "--reason", "corrected"])).data();
    assert_eq!(retried, "1 job of workflow 1 runs again");
    let cancel = ["workflow", "cancel", "1", "--node", "rows"];
    let asked = run(&mut on(&db.url, &cancel));
    assert!(
        asked.code == Some(2)
            && asked.err.contains("the node `rows` of workflow 1 `catalogue` and what comes after it"),
        "{asked:?}"
    );
    let json = run(on(&db.url, &cancel).args(["--yes", "--json"])).json();
    assert_eq!(json, json!({"id": 1, "node": "rows", "cancelled": 2}));
    let state = "select string_agg(state::text, ' ' order by id) from jobs.node";
    assert_eq!(db.one::<String>(state).await, "success cancelled cancelled");
    let unknown = run(&mut on(&db.url, &["workflow", "retry", "1", "--node", "none"]));
    assert!(unknown.code == Some(1) && unknown.err.contains("has no node 'none'"), "{unknown:?}");
    assert_eq!(
        db.one::<String>(
            "select string_agg(concat_ws(' ', action, target, reason), ' | ' order by id) from jobs.audit"
        )
        .await,
        "retry_workflow 1 corrected | cancel_workflow 1"
    );
}

#[tokio::test]
async fn results_of_a_node_are_printed_in_order() {
    let db = held().await;
    let printed = run(&mut on(&db.url, &["workflow", "results", "1", "rows"])).data();
    assert_eq!(printed, "0         [1.50, 12345678901234567890]\n1         boom");
    let after = run(&mut on(&db.url, &["workflow", "results", "1", "rows", "--after", "0", "--json"])).json();
    assert_eq!((&after["results"][0]["nth"], &after["results"][0]["error"]), (&json!(1), &json!("boom")));
    let none = run(&mut on(&db.url, &["workflow", "results", "1", "publish"]));
    assert!(none.code == Some(0) && none.err.contains("no results"), "{none:?}");
}
