//! Strictly, with a warning, or not at all; and tasks that nobody has declared.

use pgjobs_tests::{Db, Said};
use serde_json::{Value, json};

use super::{declare, of_one, refused, refused_of};

fn counting(more: &Value) -> Value {
    let mut task = of_one(&json!({"type": "integer", "format": "int64"}));
    task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    task
}

fn invalid() -> Value {
    json!({"args": ["4111"]})
}

#[tokio::test]
async fn a_task_is_checked_strictly_unless_it_says_otherwise() {
    let db = Db::new().await;
    for (said, taken) in [
        (json!({}), false),
        (json!({"validate": "off"}), true),
        (json!({"validate": "warn"}), true),
        (json!({"validate": "strict"}), false),
    ] {
        declare(&db, counting(&said)).await;
        assert_eq!(refused(&db, &invalid()).await.is_none(), taken, "{said}");
    }
    declare(&db, counting(&json!({"params": null}))).await;
    assert_eq!(refused(&db, &invalid()).await, None, "how its arguments bind is not known");
    let (state, message) = db.refusal("select jobs.register_tasks('[{\"name\": \"a\", \"args_schema\": {}, \"result_schema\": {}, \"retries\": 1, \"timeout\": 60, \"priority\": 0, \"validate\": \"loose\"}]')").await;
    assert_eq!(
        (state.as_str(), message.as_str()),
        ("PT400", "task 'a' (1 of 1): validate: off, warn or strict")
    );
}

#[tokio::test]
async fn an_operators_validation_goes_before_the_workers_and_stays() {
    let db = Db::new().await;
    declare(&db, counting(&json!({}))).await;
    db.run("select jobs.set_validation('t', 'off')").await;
    assert_eq!(refused(&db, &invalid()).await, None);
    declare(&db, counting(&json!({"retries": 7}))).await;
    assert_eq!(refused(&db, &invalid()).await, None, "a worker that starts leaves it alone");
    assert_eq!(db.one::<String>("select validation from jobs.tasks() where name = 't'").await, "off");
    db.run("select jobs.set_validation('t', null)").await;
    assert!(refused(&db, &invalid()).await.is_some());
    assert_eq!(db.refusal("select jobs.set_validation('t', 'loose')").await.0, "PT400");
    assert_eq!(db.refusal("select jobs.set_validation('nobody', 'off')").await.0, "PT404");
}

#[tokio::test]
async fn an_alias_is_checked_as_its_task_is() {
    let db = Db::new().await;
    declare(&db, counting(&json!({"aliases": ["old"]}))).await;
    let reason = refused_of(&db, "old", &invalid()).await.unwrap();
    assert_eq!(reason, "arguments do not fit: `x`: expected i64, found string");
    declare(&db, json!({"name": "old"})).await;
    assert_eq!(refused_of(&db, "old", &json!({})).await, None, "a task of that name goes before the alias");
}

#[tokio::test]
async fn what_the_tasks_own_types_have_made_is_not_checked() {
    let db = Db::new().await;
    declare(&db, counting(&json!({}))).await;
    db.run(r#"select jobs.publish('t', '{"args": ["made by a newer version"]}', i_checked => true)"#).await;
    db.run(r#"select jobs.publish_arrays('{t}', array_fill('{"args": ["x"]}'::jsonb, array[3]), null, null, null, null, null, i_checked => '{t}')"#).await;
    let (_, message) = db
        .refusal(r#"select jobs.publish_arrays('{t}', array_fill('{"args": ["x"]}'::jsonb, array[3]), null, null, null, null, null, i_checked => '{t,t,f}')"#)
        .await;
    assert!(message.starts_with("job 3 of 3: "), "{message}");
}

#[tokio::test]
async fn an_undeclared_task_is_accepted_unless_the_settings_refuse_it() {
    let db = Db::new().await;
    declare(&db, counting(&json!({"validate": "off"}))).await;
    let bulk = "select jobs.publish_arrays('{t,nobody}', '{null,null}', null, null, null, null, null)";
    assert_eq!(refused_of(&db, "nobody", &json!(7)).await, None);
    db.run(bulk).await;
    db.run("update jobs.config set unknown_task = 'reject'").await;
    assert_eq!(refused_of(&db, "nobody", &json!(7)).await.unwrap(), "nobody has declared it");
    let (state, message) = db.refusal(bulk).await;
    assert_eq!(
        (state.as_str(), message.as_str()),
        ("PT422", "job 2 of 2: task 'nobody': nobody has declared it")
    );
    assert_eq!(refused(&db, &invalid()).await, None, "known, and not checked");
}

#[tokio::test]
async fn a_warning_is_given_once_for_a_statement_and_shows_no_value() {
    let db = Db::new().await;
    declare(&db, counting(&json!({"validate": "warn"}))).await;
    let (said, _listening) = Said::listen();
    db.run(r#"select jobs.publish('t', '{"args": ["4111"]}')"#).await;
    db.run(r#"select jobs.publish_arrays('{t}', array['{"args": [1]}', '{"args": ["4111"]}', '{"args": []}']::jsonb[], null, null, null, null, null)"#).await;
    let said = said.take();
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains("do not fit")).collect();
    let words = "task 't': arguments do not fit: `x`: expected i64, found string";
    assert_eq!(warnings.len(), 2, "{said}");
    assert!(warnings[0].contains("WARN") && warnings[0].contains(words), "{said}");
    assert!(
        warnings[1].contains(&format!("job 2 of 3: {words} (and 1 more of these jobs do not fit)")),
        "{said}"
    );
    assert!(!said.contains("4111"), "{said}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 4, "a warning refuses nothing");
}

/// Neither a word about the bodies nor bodies that take long hide a name that nobody has declared.
#[tokio::test]
async fn an_undeclared_task_is_refused_whatever_is_said_of_its_bodies() {
    let db = Db::new().await;
    let tree =
        json!({"$ref": "#/$defs/T", "$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}});
    declare(
        &db,
        json!({"name": "t", "params": [{"name": "x", "type": "X", "required": true}],
        "args_schema": {"type": "object", "properties": {"x": tree}, "$defs": tree["$defs"]}}),
    )
    .await;
    db.run("update jobs.config set unknown_task = 'reject'").await;
    for call in [
        "select jobs.publish_arrays('{nobody}', '{null}', null, null, null, null, null, i_checked => '{t}')",
        "select jobs.publish_arrays('{t,nobody}', '{null,null}', null, null, null, null, null, i_checked => '{t,t}')",
        "select jobs.publish_arrays(array_fill('t'::text, array[200]) || 'nobody'::text,
           array_fill(jsonb_build_object('args', jsonb_build_array((select jsonb_agg('[]'::jsonb) from generate_series(1, 30000)))), array[201]), null, null, null, null, null)",
        "select jobs.publish_bulk(array[('nobody', null, null, null, null, null)]::jobs.bulk_job[])",
        r#"select jobs.publish_json('[{"task": "nobody"}]')"#,
    ] {
        let (state, message) = db.refusal(call).await;
        assert!(state == "PT422" && message.contains("task 'nobody': nobody has declared it"), "{call}: {state} {message}");
    }
    db.run("select jobs.publish_arrays('{t}', '{null}', null, null, null, null, null, i_checked => '{t}')")
        .await;
    // A single job of a task's own type looks nothing up, as docs/src/validation.md says.
    db.run("select jobs.publish('nobody', i_checked => true)").await;
}

/// An array of SQL may begin anywhere.
#[tokio::test]
async fn arrays_that_begin_elsewhere_are_checked_as_well() {
    let db = Db::new().await;
    declare(&db, counting(&json!({}))).await;
    for bodies in [
        r#"'[0:0]={"{\"args\": [\"x\"]}"}'"#,
        r#"'[5:6]={"{\"args\": [1]}","{\"args\": [\"x\"]}"}'"#,
        r#"'{{"{\"args\": [\"x\"]}"}}'"#,
    ] {
        let (state, message) = db
            .refusal(&format!(
                "select jobs.publish_arrays('{{t}}', {bodies}::jsonb[], null, null, null, null, null)"
            ))
            .await;
        assert!(state == "PT400" && message.contains("begins at 1"), "{bodies}: {state} {message}");
    }
    let (state, message) = db
        .refusal(r#"select jobs.publish_arrays('[0:0]={t}'::text[], array['{"args": ["x"]}']::jsonb[], null, null, null, null, null)"#)
        .await;
    assert!(state.starts_with("PT4"), "{state} {message}");
}

/// A task's name and the names in its schema may be long; a message is not.
#[tokio::test]
async fn a_refusal_is_no_longer_than_a_screen() {
    let db = Db::new().await;
    let long = "n".repeat(300_000);
    declare(&db, json!({"name": "long", "params": [{"name": long, "type": long, "required": true}],
        "args_schema": {"type": "object", "properties": {&long: {"type": "integer"}}, "required": [&long], "additionalProperties": false}})).await;
    db.run("update jobs.config set unknown_task = 'reject'").await;
    for call in [
        "select jobs.publish('long')".to_owned(),
        "select jobs.publish('long', '{\"kwargs\": {\"y\": 1}}')".to_owned(),
        format!("select jobs.publish('long', '{{\"kwargs\": {{\"{long}\": \"x\"}}}}')"),
        "select jobs.publish_arrays(array[repeat('x', 20000000)], '{null}', null, null, null, null, null)"
            .to_owned(),
    ] {
        let (state, message) = db.refusal(&call).await;
        assert!(state.starts_with("PT4") && message.len() < 3000, "{state} {}", message.len());
    }
}

/// Null says nothing of a body, so it is looked at.
#[tokio::test]
async fn a_body_of_which_nothing_is_said_is_checked() {
    let db = Db::new().await;
    declare(&db, counting(&json!({}))).await;
    db.run("update jobs.config set unknown_task = 'reject'").await;
    for call in [
        "select jobs.publish('a', '{\"args\": [\"4111\"]}', i_checked => null)",
        "select jobs.publish('nobody', '{}', i_checked => null)",
    ] {
        let (code, message) = db.refusal(call).await;
        assert_eq!(code, "PT422", "{call}: {message}");
    }
}
