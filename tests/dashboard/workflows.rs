//! The pages of workflows.

use std::time::{Duration, Instant};

use pgjobs::web::Role;
use pgjobs_tests::{Db, Lateness};
use reqwest::StatusCode;

use crate::Site;

/// A workflow that waits for a retry: a node has succeeded, one of two jobs of a group has failed, one node waits for
/// the group, and one runs only when that fails.
async fn held() -> Db {
    let db = Db::new().await;
    // What follows from an end follows at the commit, so each is sent by itself.
    for statement in [
        r#"select jobs.publish_workflow('[{"name": "fetch", "task": "flow.fetch"},
             {"name": "rows", "task": "flow.rows", "each": [{"args": [1]}, {"args": [2]}], "max_retries": 1, "after": ["fetch"]},
             {"name": "publish", "task": "flow.publish", "after": ["rows"]},
             {"name": "alert", "task": "flow.alert", "after": [{"node": "publish", "when": "failure"}]}]', 'catalogue')"#,
        r#"select jobs.ack(c.job_id, '{"a": 1}', c.lease) from jobs.consume_topic('flow.fetch', 1) c"#,
        r#"select jobs.ack(c.job_id, null, c.lease) from jobs.consume_topic('flow.rows', 1) c"#,
        r#"select jobs.nack(c.job_id, 'boom', i_lease => c.lease) from jobs.consume_topic('flow.rows', 1) c"#,
    ] {
        db.run(statement).await;
    }
    db
}

#[tokio::test]
async fn workflows_are_listed_by_state_and_name() {
    let db = held().await;
    db.run(r#"select jobs.publish_workflow('[{"name": "a", "task": "none"}]', 'import.' || n) from generate_series(1, 60) n"#).await;
    let site = Site::of(&db, Role::Viewer).await;
    let first = site.get("/workflows").await.ok();
    assert!(first.contains(">import.60<") && !first.contains(">catalogue<"), "{first}");
    let second = first.split("id=\"older\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let second = site.get(&second.replace("&amp;", "&")).await.ok();
    assert!(
        second.contains(">catalogue<") && second.contains(">import.1<") && !second.contains(">import.60<"),
        "{second}"
    );
    for (path, is_there) in [
        ("/workflows?state=failed", true),
        ("/workflows?state=success", false),
        ("/workflows?name=catalogue", true),
        ("/workflows?name=cat*&state=failed", true),
        ("/workflows?name=import.*&state=failed", false),
    ] {
        let page = site.get(path).await.ok();
        assert_eq!(page.contains(">catalogue<"), is_there, "{path}: {page}");
        assert_eq!(page.contains("held: waits for a retry"), is_there, "{path}: {page}");
    }
    assert_eq!(site.get("/workflows?state=odd").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.get("/workflows/999").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_graph_and_the_outline_say_why_each_node_waits() {
    let db = held().await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get("/workflows/1").await.ok();
    for part in [
        "It cannot go on since",
        "held: rows failed",
        "waits for publish",
        "2 of 2",
        "publish if it fails",
        "role=\"group\" aria-label=\"Graph\"",
        "class=\"e off\"",
        "<title>rows, flow.rows, failed: 2 of 2</title>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let job: String = db.one("select job_id::text from jobs.node where name = 'fetch'").await;
    assert!(page.contains(&format!("href=\"/jobs/{job}?workflow=1\"")), "a node leads to its job: {page}");
    let back = site.get(&format!("/jobs/{job}?workflow=1")).await.ok();
    assert!(back.contains("<a href=\"/workflows/1\">catalogue</a>, node fetch"), "and that back: {back}");
    assert!(!page.contains("do=retry"), "a viewer has no buttons");
    let failed: String = db.one("select job_id::text from jobs.node_failure").await;
    let other = site.get(&format!("/jobs/{failed}?workflow=7")).await.ok();
    assert!(other.contains("<a href=\"/workflows/1\">"), "what the database knows counts: {other}");
    let job = site.get(&format!("/jobs/{failed}")).await.ok();
    assert!(job.contains("<a href=\"/workflows/1\">catalogue</a>, node rows"), "{job}");
}

#[tokio::test]
async fn a_failed_workflow_where_nothing_waits_is_given_up() {
    let db = Db::new().await;
    db.run(r#"select jobs.publish_workflow('[{"name": "a", "task": "flow.a", "max_retries": 1}]')"#).await;
    db.run("select jobs.nack(c.job_id, 'boom', i_lease => c.lease) from jobs.consume_topic('flow.a', 1) c")
        .await;
    let site = Site::of(&db, Role::Operator).await;
    let page = site.get("/workflows/1").await.ok();
    assert!(page.contains("do=cancel") && page.contains("do=retry"), "{page}");
    assert_eq!(site.post("/workflows/1/cancel", &[("reason", "never mind")]).await.to(), "/workflows/1");
    let page = site.get("/workflows/1").await.ok();
    assert!(!page.contains("do=cancel"), "it has been given up: {page}");
}

#[tokio::test]
async fn a_workflow_is_retried_and_cancelled_after_a_question() {
    let db = held().await;
    let site = Site::of(&db, Role::Operator).await;
    let asked = site.get("/workflows/1/act?do=retry&node=rows").await.ok();
    assert!(
        asked.contains("the node rows and what comes after it") && asked.contains("1 node has failed"),
        "{asked}"
    );
    assert_eq!(
        db.one::<String>("select state::text from jobs.workflow").await,
        "failed",
        "looking changes nothing"
    );
    let form = [("node", "rows"), ("reason", "corrected")];
    assert_eq!(site.post("/workflows/1/retry", &form).await.to(), "/workflows/1");
    assert_eq!(db.one::<String>("select state::text from jobs.node where name = 'rows'").await, "running");
    assert_eq!(site.post("/workflows/1/cancel", &[("reason", "no")]).await.to(), "/workflows/1");
    assert_eq!(db.one::<String>("select state::text from jobs.workflow").await, "cancelled");
    let audit = "select string_agg(concat_ws(' ', action, target, reason, details->>'node'), ' | ' order by id) from jobs.audit";
    assert_eq!(
        db.one::<String>(audit).await,
        "retry_workflow 1 mara (dashboard): corrected rows | cancel_workflow 1 mara (dashboard): no"
    );
    for (path, status) in [
        ("/workflows/1/act?do=purge", StatusCode::BAD_REQUEST),
        ("/workflows/1/act?do=retry&node=none", StatusCode::NOT_FOUND),
        ("/workflows/9/act?do=retry", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
    assert_eq!(site.post("/workflows/1/retry", &[("node", "none")]).await.status, StatusCode::NOT_FOUND);
    let viewer = Site::of(&db, Role::Viewer).await;
    assert_eq!(viewer.get("/workflows/1/act?do=cancel").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn hostile_names_of_nodes_are_text_in_the_graph() {
    let db = Db::new().await;
    let odd = "<script>alert(1)</script>\"'&";
    let nodes = serde_json::json!([
        {"name": odd, "task": format!("bad.{odd}"), "meta": {"a": odd}},
        {"name": "after", "task": "none", "after": [{"node": odd, "condition": {odd: odd}}]}
    ]);
    sqlx::query("select jobs.publish_workflow($1::jsonb, $2, jsonb_build_object('meta', jsonb_build_object($2::text, $2::text)))")
        .bind(nodes.to_string())
        .bind(odd)
        .execute(&db.pool)
        .await
        .unwrap();
    db.run("update jobs.workflow set reason = name; update jobs.node set reason = name").await;
    let site = Site::of(&db, Role::Admin).await;
    let encoded: String = odd.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for path in [
        "/workflows".to_owned(),
        "/workflows/1".to_owned(),
        format!("/workflows/1/act?do=cancel&node={encoded}"),
    ] {
        let page = site.get(&path).await.ok();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>alert"), "{path}: {page}");
    }
}

#[tokio::test]
async fn five_hundred_nodes_are_one_page_that_people_can_read() {
    let db = Db::new().await;
    // 166 chains of three side by side, and one node before and one after them all.
    db.run(
        r#"select jobs.publish_workflow(jsonb_build_array('{"name": "first", "task": "f"}'::jsonb) || jsonb_agg(n order by at) || jsonb_build_object('name', 'last', 'task', 'l',
             'after', jsonb_agg(n->'name' order by at) filter (where n->>'task' = 't.2')))
           from (select c * 3 + s as at, jsonb_build_object('name', format('c%s.%s', c, s), 'task', 't.' || s, 'after', jsonb_build_array(case s when 0 then 'first' else format('c%s.%s', c, s - 1) end)) as n
                 from generate_series(1, 166) c, generate_series(0, 2) s) g"#,
    )
    .await;
    let site = Site::of(&db, Role::Operator).await;
    let lateness = Lateness::watch();
    let start = Instant::now();
    let page = site.get("/workflows/1").await.ok();
    let took = start.elapsed();
    assert_eq!(page.matches("class=\"nd ").count(), 5, "alike ones are drawn as one: {page}");
    assert!(page.contains("166 nodes") && page.contains("c1.0"), "{page}");
    assert!(page.len() < 200_000, "{}", page.len());
    println!("500 nodes: {took:?}, {} bytes", page.len());
    assert!(took < lateness.allow(Duration::from_secs(2)), "{took:?}");
}

#[tokio::test]
async fn different_nodes_are_drawn_each_and_none_upon_another() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish_workflow(jsonb_agg(jsonb_build_object('name', 'n' || n, 'task', 't' || n, 'after', case when n > 40 then jsonb_build_array('n' || n - 20, 'n' || n / 2) else '[]' end) order by n))
           from generate_series(1, 500) n"#,
    )
    .await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get("/workflows/1").await.ok();
    let places: Vec<(f64, f64)> = page
        .split("transform=\"translate(")
        .skip(1)
        .map(|rest| {
            let (x, y) = rest.split(')').next().unwrap().split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect();
    assert_eq!(places.len(), 500);
    for (nth, one) in places.iter().enumerate() {
        assert!(one.0 >= 0.0 && one.1 >= 0.0, "{one:?}");
        let is_upon = |other: &&(f64, f64)| (one.0 - other.0).abs() < 146.0 && (one.1 - other.1).abs() < 28.0;
        assert_eq!(places[nth + 1..].iter().find(is_upon), None, "{one:?}");
    }
}
