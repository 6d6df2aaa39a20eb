//! A reader sees no part of a body: not its values, not the keys that came with it; and the server's log neither.

use pgjobs_tests::{Db, Said, server};
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Row};

use crate::sessions::{as_role, role};

const CANARY: &str = "unseen-7Q";
const NUMBER: i64 = 481_516_234_242;

/// A schema of every kind in which a value, a key or a position can be wrong.
fn schemas() -> Vec<(&'static str, Value, Vec<Value>)> {
    let int = json!({"type": "integer"});
    let key = |value: Value| json!({ CANARY: value });
    let bad = || {
        vec![
            json!(CANARY),
            json!(NUMBER),
            json!([CANARY]),
            key(json!(CANARY)),
            key(json!(NUMBER)),
            json!([[NUMBER]]),
        ]
    };
    vec![
        ("type", json!({"type": "boolean"}), bad()),
        ("map", json!({"type": "object", "additionalProperties": int}), bad()),
        (
            "maps",
            json!({"type": "object", "additionalProperties": {"type": "object", "additionalProperties": int}}),
            vec![key(key(json!(CANARY)))],
        ),
        ("closed", json!({"type": "object", "properties": {"a": int}, "additionalProperties": false}), bad()),
        (
            "named",
            json!({"type": "object", "patternProperties": {"^u": int}, "additionalProperties": false}),
            bad(),
        ),
        ("listed", json!({"enum": ["a", 1]}), bad()),
        ("constant", json!({"const": "a"}), bad()),
        ("short", json!({"type": "string", "maxLength": 3}), bad()),
        ("shape", json!({"type": "string", "pattern": "^[0-9]+$"}), bad()),
        ("small", json!({"type": "integer", "maximum": 3}), bad()),
        ("many", json!({"type": "array", "items": {"type": "boolean"}, "maxItems": 3}), bad()),
        (
            "pair",
            json!({"type": "array", "prefixItems": [{"type": "boolean"}, {"type": "boolean"}], "items": false}),
            bad(),
        ),
        (
            "either",
            json!({"anyOf": [{"type": "boolean"}, {"type": "object", "additionalProperties": {"type": "boolean"}}]}),
            bad(),
        ),
        (
            "one",
            json!({"oneOf": [{"type": "object"}, {"additionalProperties": {"type": "integer"}}]}),
            vec![key(json!(NUMBER))],
        ),
        ("other", json!({"not": {"type": ["string", "integer", "object", "array"]}}), bad()),
        ("none", json!(false), bad()),
    ]
}

/// Bodies that do not fit: their values as arguments, and the shape of the body itself.
fn bodies(values: &[Value]) -> Vec<Value> {
    let mut bodies: Vec<Value> =
        values.iter().flat_map(|v| [json!({"args": [v]}), json!({"kwargs": {"x": v}})]).collect();
    bodies.extend([
        json!({"kwargs": {"x": true, CANARY: NUMBER}}),
        json!({"args": [true, CANARY, NUMBER]}),
        json!({"args": [true], "kwargs": {"x": CANARY}}),
        json!({"args": {CANARY: NUMBER}}),
        json!({"kwargs": [CANARY]}),
        json!(CANARY),
        json!([NUMBER]),
    ]);
    bodies
}

async fn declare(db: &Db, check: &str) {
    let tasks: Value = schemas()
        .iter()
        .map(|(name, schema, _)| {
            json!({"name": name, "result_schema": true, "retries": 1, "timeout": 60, "priority": 0, "validate": check,
                   "params": [{"name": "x", "type": "X", "required": true}],
                   "args_schema": {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": false}})
        })
        .collect();
    sqlx::query("select jobs.register_tasks($1)").bind(tasks).execute(&db.pool).await.unwrap();
}

#[track_caller]
fn clean(place: &str, text: &str) {
    for secret in [CANARY, &NUMBER.to_string()] {
        if let Some(at) = text.find(secret) {
            let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
            panic!("{place} shows {secret}: {:.400}", &text[line..]);
        }
    }
}

#[tokio::test]
async fn a_refusal_and_a_warning_show_no_part_of_a_body() {
    let db = Db::new().await;
    let (said, _listening) = Said::listen();
    for check in ["strict", "warn"] {
        declare(&db, check).await;
        let mut refused = 0;
        for (task, _, values) in schemas() {
            for body in bodies(&values) {
                let call =
                    sqlx::query("select jobs.publish($1, $2)").bind(task).bind(&body).execute(&db.pool).await;
                if let Err(error) = call {
                    refused += 1;
                    clean("the refusal", &format!("{error:?}"));
                }
            }
        }
        assert!((check == "warn") == (refused == 0), "{check}: {refused} refused");
    }
    let words = said.take();
    assert!(words.matches("do not fit").count() > 100, "{words}");
    clean("a warning", &words);
    let log = std::fs::read_to_string(server().await.log_file()).unwrap();
    assert!(log.contains("arguments do not fit"), "the server logs refusals");
    clean("the server's log", &log);
}

/// A call of each function that a reader may call, and each view: every argument a job, a topic, or what stands by default.
async fn calls(db: &Db, reader: &mut PgConnection, jobs: &[String]) -> Vec<String> {
    let functions = sqlx::query(
        "select p.proname::text, (p.pronargs - p.pronargdefaults)::integer, coalesce(p.proargnames[1], '') from pg_proc p
         where p.pronamespace = 'jobs'::regnamespace and has_function_privilege(current_user, p.oid, 'execute') order by 1",
    )
    .fetch_all(reader)
    .await
    .unwrap();
    let mut calls = Vec::new();
    for row in functions {
        let (name, required, first): (String, i32, String) = (row.get(0), row.get(1), row.get(2));
        match (required, first.as_str()) {
            (0, _) => calls.push(format!("select r::text from jobs.{name}() r")),
            (1, "i_job") => calls.extend(jobs.iter().map(|job| format!("select r::text from jobs.{name}('{job}') r"))),
            (1, "i_jobs") => calls.push(format!("select r::text from jobs.{name}('{{{}}}') r", jobs.join(","))),
            (1, "i_name") => calls.push(format!(
                "select r::text from jobs.schedules() s, lateral jobs.{name}(s.name) r"
            )),
            (1, "i_workflow") => calls.push(format!(
                "select r::text from jobs.workflows() w, lateral jobs.{name}(w.id) r"
            )),
            (1, "i_seconds") => calls.push(format!("select jobs.{name}(1)::text")),
            (1, "i_cron") => calls.push(format!("select r::text from jobs.{name}('@daily') r")),
            (1, "i_state") => calls.push(format!("select r::text from unnest('{{pending,running,success,failed,cancelled}}'::text[]) s, jobs.{name}(s) r")),
            other => panic!("how is jobs.{name} called? {other:?}"),
        }
    }
    let views = "select format('select row(%s)::text from jobs.%I', string_agg(quote_ident(a.attname), ', '), c.relname)
         from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
         where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p', 'v') and has_column_privilege('jobs_reader', c.oid, a.attnum, 'select')
         group by c.oid, c.relname";
    calls.extend(db.all::<String>(views).await);
    calls
}

/// Schedules whose jobs will not fit once their tasks are declared.
async fn make_schedules(db: &Db) {
    for (task, _, values) in schemas() {
        for (nth, body) in bodies(&values).into_iter().enumerate() {
            sqlx::query("select jobs.set_schedule($1, $2, $3, i_every => '1 h')")
                .bind(format!("{task} {nth}"))
                .bind(task)
                .bind(&body)
                .execute(&db.pool)
                .await
                .unwrap();
        }
    }
}

/// A workflow with secrets in all that a publisher gives, whose first node has failed with one.
async fn make_workflow(db: &Db) {
    let nodes = json!([
        {"name": "first", "task": "flow", "body": {"kwargs": {"a": CANARY}}, "max_retries": 1},
        {"name": "group", "task": "flow", "each": [CANARY, {"args": [CANARY]}], "undo": {"task": "flow", "body": CANARY}},
        {"name": "then", "task": "flow", "body": CANARY, "after": [{"node": "group", "condition": [CANARY]}, "first"]},
    ]);
    sqlx::query("select jobs.publish_workflow($1, 'flow')").bind(nodes).execute(&db.pool).await.unwrap();
    sqlx::query("select jobs.nack(c.job_id, $1) from jobs.consume_topic('flow', 1) c")
        .bind(CANARY)
        .execute(&db.pool)
        .await
        .unwrap();
    sqlx::query("select jobs.ack(c.job_id, to_jsonb($1)) from jobs.consume_topic('flow', 3) c")
        .bind(CANARY)
        .execute(&db.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_that_a_reader_may_call_shows_a_part_of_a_body() {
    let db = Db::new().await;
    make_schedules(&db).await;
    make_workflow(&db).await;
    declare(&db, "strict").await;
    db.run(
        "update jobs.schedule set next_at = now() - interval '1 hour', due_at = next_at; select jobs.tick()",
    )
    .await;
    for (task, _, values) in schemas() {
        for body in bodies(&values) {
            sqlx::query("select jobs.publish($1, $2, i_checked => true)")
                .bind(task)
                .bind(&body)
                .execute(&db.pool)
                .await
                .unwrap();
        }
    }
    // In every state: running, failed with an error that shows it, succeeded with it as result, cancelled.
    let ended = json!(CANARY);
    sqlx::query("select jobs.nack(c.job_id, $1, null, false) from jobs.consume_topic('map', 3) c")
        .bind(CANARY)
        .execute(&db.pool)
        .await
        .unwrap();
    sqlx::query("select jobs.ack(c.job_id, $1) from jobs.consume_topic('map', 3) c")
        .bind(&ended)
        .execute(&db.pool)
        .await
        .unwrap();
    db.run("select count(*) from jobs.consume_topic('closed', 3); select jobs.cancel((select array_agg(job_id::text) from (select job_id from jobs.job_queue where task = 'named' limit 3) j))").await;
    sqlx::query("select jobs.set_progress(r.job_id, 1, 2, $1) from jobs.running r")
        .bind(CANARY)
        .execute(&db.pool)
        .await
        .unwrap();
    let jobs: Vec<String> = db.all("select job_id::text from jobs.\"all\"").await;
    role(&db, "unseen_reader", "jobs_reader").await;
    let mut reader = as_role(&db, "unseen_reader").await;
    let calls = calls(&db, &mut reader, &jobs).await;
    assert!(calls.len() > jobs.len() + 5, "{calls:?}");
    let (mut shown, mut misfits) = (0, 0);
    for call in calls {
        let rows = sqlx::query(AssertSqlSafe(call.clone())).fetch_all(&mut reader).await;
        for row in rows.unwrap_or_else(|error| panic!("{call}: {error}")) {
            let text = row.get::<Option<String>, _>(0).unwrap_or_default();
            clean(&call, &text);
            shown += 1;
            misfits += i32::from(text.contains("do not fit"));
        }
    }
    assert!(shown > 500 && misfits > 100, "{shown} rows, {misfits} misfits: too few to tell");
}
