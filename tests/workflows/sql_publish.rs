//! What may be published as a workflow, and by whom.

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::sql_flow::{Flow, node};

/// What is published, and words of the refusal, which names the node.
const REFUSED: &[(&str, &str)] = &[
    ("[]", "a workflow is an array of nodes"),
    ("{}", "a workflow is an array of nodes"),
    (r#"["x"]"#, "node 1 of 1: it is an object"),
    (r#"[{"name": "x"}]"#, "node 'x': task: a name"),
    (r#"[{"task": "a", "nmae": "x"}]"#, "node 1 of 1: it has no 'nmae'"),
    (r#"[{"task": "a"}, {"task": "a"}]"#, "node 'a': there are two of this name"),
    (r#"[{"task": "a", "after": ["b"]}]"#, "node 'a': there is no node 'b'"),
    (r#"[{"task": "a", "bind": {"x": "b"}}]"#, "node 'a': there is no node 'b'"),
    (r#"[{"task": "a", "undo": {"task": "u", "bind": {"x": "b"}}}]"#, "node 'a': there is no node 'b'"),
    (r#"[{"task": "a", "each": {"node": "b"}}]"#, "node 'a': there is no node 'b'"),
    (r#"[{"task": "a"}, {"task": "b", "after": ["a", "a"]}]"#, "node 'b': it has two edges from 'a'"),
    (r#"[{"task": "a", "after": ["a"]}]"#, "nodes wait for each other in a circle: 'a'"),
    (
        r#"[{"task": "a", "after": ["c"]}, {"task": "b", "bind": {"x": "a"}}, {"task": "c", "after": ["b", "d"]}, {"task": "d"}]"#,
        "in a circle: ",
    ),
    (
        r#"[{"name": "x", "task": "a", "after": [{"node": "x", "when": "never"}]}]"#,
        "node 'x': after: when is success, failure or ended",
    ),
    (
        r#"[{"name": "x", "task": "a", "after": [{"node": "x", "when": "failure", "condition": 1}]}]"#,
        "node 'x': after: only an edge for success has an on_failure or a condition",
    ),
    (
        r#"[{"name": "x", "task": "a", "after": [{"node": "x", "when": "ended", "on_failure": "cancel"}]}]"#,
        "node 'x': after: only an edge for success has an on_failure or a condition",
    ),
    (r#"[{"task": "a", "body": {}, "each": []}]"#, "node 1 of 1: it has a body, or each"),
    (
        r#"[{"task": "a", "each": {"node": "a", "chunk": 0}}]"#,
        "node 1 of 1: each: chunk is an integer within 1 and 1000000",
    ),
    (r#"[{"task": "a", "each": {"node": "a", "chunk": 2.5}}]"#, "node 1 of 1: each: chunk is an integer"),
    (
        r#"[{"task": "b"}, {"task": "a", "body": [1], "bind": {"x": "b"}}]"#,
        "node 2 of 2: body: with bind, or with each of a node, it is an object",
    ),
    (
        r#"[{"task": "b"}, {"task": "a", "body": "text", "each": {"node": "b"}}]"#,
        "node 2 of 2: body: with bind, or with each of a node, it is an object",
    ),
    (
        r#"[{"task": "b"}, {"task": "a", "each": [{"args": []}, [1]], "bind": {"x": "b"}}]"#,
        "node 2 of 2: each: with bind its bodies are objects, and so are their kwargs",
    ),
    (
        r#"[{"task": "b"}, {"task": "a", "bind": {"x": {"node": "b", "as": "value"}}, "after": [{"node": "b", "when": "ended"}]}]"#,
        "node 2 of 2: it takes the value of 'b', which is not there when that fails",
    ),
    (
        r#"[{"task": "b"}, {"task": "a", "each": {"node": "b"}, "after": [{"node": "b", "on_failure": "continue"}]}]"#,
        "node 2 of 2: it takes the value of 'b', which is not there when that fails",
    ),
    (r#"[{"task": "a", "timeout": 0}]"#, "node 1 of 1: timeout: 0.01 to 604800 seconds"),
    (r#"[{"task": "a", "priority": 1.5}]"#, "node 1 of 1: priority: an integer"),
    (r#"[{"task": "a", "scheduled_at": "soon"}]"#, "node 1 of 1: scheduled_at: a time"),
    (r#"[{"task": "a", "unique": true}]"#, "node 1 of 1: unique: only false"),
];

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_the_node_is_named() {
    let db = Db::new().await;
    for (nodes, words) in REFUSED {
        let (code, message) =
            db.refusal(&format!("select jobs.publish_workflow('{}')", nodes.replace('\'', "''"))).await;
        assert_eq!(code, "PT400", "{nodes}: {message}");
        assert!(message.contains(words), "{nodes}: {message}");
    }
    for (options, words) in [
        (r#"{"on_failure": "explode"}"#, "on_failure: hold, cancel"),
        (r#"{"timeout": 0}"#, "timeout: 0.01"),
        (r#"{"timeout": 1, "deadline": "2999-01-01"}"#, "a timeout or a deadline, not both"),
        (r#"{"result": "z"}"#, "the result is that of node 'z', which is not there"),
        (r#"{"colour": 1}"#, "it has no option 'colour'"),
    ] {
        let (code, message) = db
            .refusal(&format!("select jobs.publish_workflow('[{{\"task\": \"a\"}}]', null, '{options}')"))
            .await;
        assert!(code == "PT400" && message.contains(words), "{options}: {message}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.workflow").await, 0);
}

#[tokio::test]
async fn a_restricted_role_publishes_no_node_and_no_undo_of_other_tasks() {
    let db = Db::new().await;
    let role = format!("flow_{}", std::process::id());
    db.run(&format!("create role {role}; grant jobs_worker to {role}; grant usage on schema jobs to {role}; select jobs.grant_topic('{role}', 'own.*')")).await;
    let as_role =
        |nodes: &str| format!("set role {role}; select jobs.publish_workflow('{nodes}'); reset role");
    for nodes in [
        r#"[{"task": "a"}]"#,
        r#"[{"task": "own.a"}, {"task": "a", "after": ["own.a"]}]"#,
        r#"[{"task": "own.a", "undo": {"task": "a"}}]"#,
        r#"[{"task": "own.a"}, {"task": "a", "each": {"node": "own.a"}}]"#,
    ] {
        assert_eq!(db.refusal(&as_role(nodes)).await.0, "PT403", "{nodes}");
    }
    // What it may publish becomes jobs later in the name of nobody: only who publishes is asked.
    db.run(&as_role(r#"[{"task": "own.a"}]"#)).await;
    db.run(&format!("select jobs.revoke_topic('{role}', 'own.*'); revoke usage on schema jobs from {role}; drop role {role}")).await;
}

/// Names come back in messages, events and names of undos.
#[tokio::test]
async fn hostile_and_long_names_go_through_a_whole_compensation() {
    let db = Db::new().await;
    let flow = Flow::on(&db).await;
    let names = [
        format!("{}1", "x".repeat(198)),
        format!("{}2", "x".repeat(198)),
        "'; drop table x; --".to_owned(),
        "a\"b\\c".to_owned(),
        "undo a\"b\\c".to_owned(),
        "%I $1".to_owned(),
    ];
    let mut nodes: Vec<Value> = names
        .iter()
        .map(|name| node(name, "a", json!({"undo": {"task": "u", "bind": {"x": name}}})))
        .collect();
    nodes.push(node("last", "b", json!({"after": names})));
    let workflow = flow.publish(json!(nodes), json!({"on_failure": "compensate"})).await;
    flow.end("a", "success").await;
    flow.end("b", "fail").await;
    flow.end("u", "success").await;
    assert!(flow.states(workflow).await.starts_with("compensated: "));
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.node where undoes is not null and state = 'success'").await,
        6
    );
    crate::sql_flow::assert_right(&db).await;
}

#[tokio::test]
async fn a_restricted_role_takes_no_result_and_delays_no_node_of_other_tasks() {
    let db = Db::new().await;
    let role = format!("graft_{}", std::process::id());
    db.run(&format!("create role {role}; grant jobs_worker to {role}; grant usage on schema jobs to {role}; select jobs.grant_topic('{role}', 'own.*')")).await;
    db.run(r#"select jobs.publish_workflow('[{"name": "secret", "task": "pay.a"}, {"name": "mine", "task": "own.a", "after": ["secret"]}, {"name": "theirs", "task": "pay.b", "after": ["mine"]}]');
              select jobs.ack(c.job_id, '{"card": "4111"}', c.lease) from jobs.consume_topic('pay.a', 1) c"#)
        .await;
    db.run("select jobs.consume_topic('own.a', 1)").await;
    let add = |nodes: &str, before: &str| {
        format!(
            "do $$ declare r jobs._runs; begin select * into r from jobs._runs; set local role {role}; perform jobs.add_nodes(r.job_id, r.lease, '{nodes}', {before}); end $$"
        )
    };
    for nodes in [
        r#"[{"task": "own.b", "bind": {"x": "secret"}}]"#,
        r#"[{"task": "own.b", "each": {"node": "secret"}}]"#,
        r#"[{"task": "own.b", "after": [{"node": "secret", "condition": {"card": "4111"}}]}]"#,
        r#"[{"task": "own.b", "undo": {"task": "own.c", "bind": {"x": "secret"}}}]"#,
        r#"[{"task": "own.b", "bind": {"x": "secret"}, "undo": {"task": "own.c", "bind": {"x": "mine"}}}]"#,
    ] {
        let (code, message) = db.refusal(&add(nodes, "null")).await;
        assert!(code == "PT400" && message.contains("'secret'"), "{nodes}: {code} {message}");
    }
    let own = r#"[{"task": "own.b", "after": ["secret"]}]"#;
    assert_eq!(db.refusal(&add(own, "'{theirs}'")).await.0, "PT400");
    db.run(&add(own, "null")).await; // that it ended is no secret
    db.run(&format!("select jobs.revoke_topic('{role}', 'own.*'); revoke usage on schema jobs from {role}; drop role {role}")).await;
}
