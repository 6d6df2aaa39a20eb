//! What is refused when it is published, and in which words.

use pgjobs_tests::Db;
use serde_json::json;

use super::{declare, of_one, refused};

const WELCOME: &str = r#"{
  "args_schema": {
    "type": "object", "required": ["user_id"], "additionalProperties": false,
    "properties": {
      "user_id": {"type": "integer", "format": "int64"},
      "locale": {"type": "string", "default": "en"},
      "coupon": {"type": ["string", "null"], "default": null}}},
  "params": [{"name": "user_id", "type": "i64", "required": true}, {"name": "locale", "type": "String", "required": false},
             {"name": "coupon", "type": "Option<String>", "required": false}]}"#;

#[tokio::test]
async fn positional_and_keyword_arguments_bind_as_in_python() {
    let db = Db::new().await;
    declare(&db, serde_json::from_str(WELCOME).unwrap()).await;
    for body in [
        json!({"args": [7, "pt"], "kwargs": null}),
        json!({"args": [7]}),
        json!({"args": [7], "kwargs": {"locale": "pt"}}),
        json!({"args": [7, "pt", null], "kwargs": {}}),
        json!({"args": null, "kwargs": {"coupon": null, "user_id": 7, "locale": "en"}}),
        json!({"kwargs": {"user_id": 7}, "more": "is left alone"}),
    ] {
        assert_eq!(refused(&db, &body).await, None, "{body}");
    }
    let form = r#"a body is {"args": [...], "kwargs": {...}}"#;
    for (body, reason) in [
        (json!(null), format!("`user_id`: missing required argument, expected i64; {form}")),
        (json!({"user_id": 7}), format!("`user_id`: missing required argument, expected i64; {form}")),
        (json!({"kwargs": {"locale": "x"}}), "`user_id`: missing required argument, expected i64".into()),
        (json!({"args": [1, "a", "b", "c"]}), "`args`: takes 3 positional arguments, 4 were given".into()),
        (
            json!({"args": [1], "kwargs": {"user_id": 2}}),
            "`user_id`: given twice, by position and by keyword".into(),
        ),
        (
            json!({"args": [1], "kwargs": {"lokale": "x"}}),
            "`kwargs`: unexpected keyword argument; the task takes: user_id, locale, coupon".into(),
        ),
        (json!({"args": ["x"]}), "`user_id`: expected i64, found string".into()),
        (json!({"args": [1.5]}), "`user_id`: expected i64, found floating point".into()),
        (
            json!({"args": [7], "kwargs": {"coupon": []}}),
            "`coupon`: expected a string or null, found array".into(),
        ),
        (json!({"args": [7, null]}), "`locale`: expected a string, found null".into()),
        (json!([7]), format!("expected an object, found array; {form}")),
        (json!({"args": 7}), format!("`args`: expected an array, found integer; {form}")),
        (json!({"kwargs": [7]}), format!("`kwargs`: expected an object, found array; {form}")),
    ] {
        assert_eq!(refused(&db, &body).await, Some(format!("arguments do not fit: {reason}")), "{body}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 6);
}

#[tokio::test]
async fn a_schema_error_names_its_path_what_was_expected_and_found() {
    let db = Db::new().await;
    let tagged = json!({"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "number"}}, "required": ["kind", "radius"]},
        {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "number"}}, "required": ["kind", "side"]}]});
    let lines = json!({"type": "array", "items": {"$ref": "#/$defs/Line"}, "$defs": {"Line": {
        "type": "object", "properties": {"count": {"type": "integer", "format": "uint32", "minimum": 0}}, "required": ["count"], "additionalProperties": false}}});
    for (schema, value, reason) in [
        (json!({"type": "boolean"}), json!("secret"), "`x`: expected a boolean, found string"),
        (json!({"enum": ["a", "b"]}), json!("secret"), r#"`x`: expected "a" or "b", found another string"#),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 255}),
            json!(4111),
            "`x`: expected at most 255, found more",
        ),
        (
            json!({"type": "string", "maxLength": 3}),
            json!("secret"),
            "`x`: expected at most 3 characters, found more",
        ),
        (
            json!({"type": "string", "pattern": "^\\d+$"}),
            json!("secret"),
            r"`x`: expected a string that matches ^\d+$, found another string",
        ),
        (
            json!({"type": "array", "minItems": 2, "maxItems": 2}),
            json!(["secret"]),
            "`x`: expected length at least 2, at most 2, found length 1",
        ),
        (
            json!({"anyOf": [{"type": "object"}, {"type": "null"}]}),
            json!("secret"),
            "`x`: expected an object or null, found string",
        ),
        (json!({"not": {"const": 0}}), json!(0), "`x`: expected any value but 0, found that"),
        (
            lines.clone(),
            json!([{"count": 1}, {"count": "secret"}]),
            "`x[1].count`: expected u32, found string",
        ),
        (lines.clone(), json!([{}]), "`x[0]`: expected field `count`, found none"),
        (
            lines,
            json!([{"count": 1, "color": "secret"}]),
            "`x[0].*`: expected no field of this name, found one",
        ),
        (
            tagged.clone(),
            json!({"kind": "circle", "radius": "secret"}),
            "`x.radius`: expected a number, found string",
        ),
        (
            tagged,
            json!({"kind": "secret"}),
            r#"`x.kind`: expected "circle" or "square", found another string"#,
        ),
    ] {
        declare(&db, of_one(&schema)).await;
        db.run("delete from jobs.task_signature f where f.args_schema <> (select t.args_schema from jobs.task t)")
            .await;
        let said = refused(&db, &json!({"args": [value]})).await;
        assert_eq!(said, Some(format!("arguments do not fit: {reason}")), "{value} by {schema}");
    }
}

/// Whoever publishes, by whichever call, reads the same.
#[tokio::test]
async fn the_words_are_the_same_in_bulk_and_by_a_trigger() {
    let db = Db::new().await;
    declare(&db, serde_json::from_str(WELCOME).unwrap()).await;
    db.run(
        r#"create table orders (id text);
           create function announce() returns trigger language plpgsql as $$ begin
             perform jobs.publish('t', jsonb_build_object('args', jsonb_build_array(new.id))); return new; end $$;
           create trigger announce after insert on orders for each row execute function announce();"#,
    )
    .await;
    let words = "task 't': arguments do not fit: `user_id`: expected i64, found string";
    for (call, which) in [
        (r#"select jobs.publish('t', '{"args": ["4111"]}')"#, ""),
        ("insert into orders values ('4111')", ""),
        (
            r#"select jobs.publish_bulk(array[('t', '{"args": [1]}', null, null, null, null), ('t', '{"args": ["4111"]}', null, null, null, null)]::jobs.bulk_job[])"#,
            "job 2 of 2: ",
        ),
        (
            r#"select jobs.publish_arrays('{t}', array['{"args": [1]}', '{"args": ["4111"]}', '{"args": []}']::jsonb[], null, null, null, null, null)"#,
            "job 2 of 3: ",
        ),
        (
            r#"select jobs.publish_arrays('{t}', array_fill('{"args": [1]}'::jsonb, array[99]) || '{"args": ["4111"]}'::jsonb, null, null, null, null, null, i_pack => true)"#,
            "job 100 of 100: ",
        ),
    ] {
        let (state, message) = db.refusal(call).await;
        assert_eq!((state.as_str(), message), ("PT422", format!("{which}{words}")), "{call}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.pending").await, 0, "a refused batch leaves nothing");
}

#[tokio::test]
async fn what_the_walk_cannot_tell_is_let_through() {
    let db = Db::new().await;
    let tree = json!({"$ref": "#/$defs/Tree", "$defs": {"Tree": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}});
    declare(&db, of_one(&tree)).await;
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.publish_check where fits is null").await,
        1,
        "a type that holds itself"
    );
    let nested = |levels: usize| {
        serde_json::from_str(&format!("{{\"args\": [{}{}]}}", "[".repeat(levels), "]".repeat(levels)))
            .unwrap()
    };
    assert_eq!(refused(&db, &nested(100)).await, None);
    let unfit = json!({"args": [[[[7]]]]});
    assert_eq!(
        refused(&db, &unfit).await.as_deref(),
        Some("arguments do not fit: `x[0][0][0]`: expected an array, found integer")
    );
    // Deeper than any worker reads; the walk gives up before the stack does.
    db.run(
        r#"select jobs.publish('t', ('{"args": [' || repeat('[', 6000) || '7' || repeat(']', 6000) || ']}')::jsonb)"#,
    )
    .await;
    declare(&db, of_one(&json!({"type": "string", "minLength": "malformed", "required": 7}))).await;
    assert_eq!(refused(&db, &json!({"args": ["text"]})).await, None);
}
