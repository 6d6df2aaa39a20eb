//! What people see of values that a schema calls sensitive, whatever a publisher sent.

use pgjobs_tests::Db;
use serde_json::json;

const DECLARE: &str = r##"select jobs.register_tasks(jsonb_build_array(jsonb_build_object('name', 'pay', 'validate', 'off', 'doc', '', 'retries', 3, 'timeout', 60, 'priority', 0, 'result_schema', true,
  'params', '[{"name": "order", "required": true, "type": "i64"}, {"name": "token", "required": true, "type": "String"}, {"name": "card", "required": false, "type": "Card"}]'::jsonb,
  'args_schema', '{"type": "object", "properties": {
      "order": {"type": "integer"},
      "token": {"type": "string", "writeOnly": true},
      "card": {"anyOf": [{"$ref": "#/$defs/Card"}, {"type": "null"}]},
      "cards": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Card"}},
      "named": {"type": "object", "patternProperties": {"^x": {"type": "string", "writeOnly": true}}},
      "generic": {"$ref": "#/$defs/A~1B"},
      "lost": {"$ref": "#/$defs/none"},
      "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string", "writeOnly": true}]},
      "either": {"oneOf": [{"type": "string", "enum": ["none"]}, {"type": "object", "properties": {"Card": {"$ref": "#/$defs/Card"}}}]},
      "tree": {"$ref": "#/$defs/Tree"}},
    "$defs": {
      "Card": {"type": "object", "properties": {"holder": {"type": "string"}, "number": {"type": "string", "writeOnly": true}}},
      "A/B": {"type": "object", "properties": {"pin": {"type": "string", "writeOnly": true}}},
      "Tree": {"type": "object", "properties": {"leaf": {"type": "string", "writeOnly": true}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}}}'::jsonb)))"##;

/// Bodies in which `S` is a secret and `V` is not.
fn bodies() -> Vec<serde_json::Value> {
    let kwargs = |value: serde_json::Value| json!({ "args": [], "kwargs": value });
    vec![
        json!({"args": [1, "S", {"holder": "V", "number": "S"}], "kwargs": {}}),
        json!({"args": [1, "S", ["S", "S"]], "kwargs": {}}),
        json!({"args": [1, "S", null, "S", {"x": "S"}], "kwargs": null}),
        json!({"args": {"token": "S"}, "kwargs": ["S"]}),
        json!("S"),
        json!(["S"]),
        json!({"body": "S"}),
        kwargs(json!({"token": ["S"]})),
        kwargs(json!({"api_token": "S", "order": "V"})),
        kwargs(json!({"card": {"number": {"deep": "S"}}})),
        kwargs(json!({"card": "S"})),
        kwargs(json!({"card": ["S"]})),
        kwargs(json!({"cards": {"V": {"number": "S"}}})),
        kwargs(json!({"cards": ["S"]})),
        kwargs(json!({"named": {"x1": "S"}})),
        kwargs(json!({"generic": {"pin": "S"}})),
        kwargs(json!({"lost": "S"})),
        kwargs(json!({"pair": ["V", "S", "S"]})),
        kwargs(json!({"pair": {"a": "S"}, "either": "none"})),
        kwargs(json!({"either": {"Card": {"number": "S", "holder": "V"}}})),
        kwargs(json!({"either": {"Card": ["S"]}})),
        kwargs(json!({"either": ["S"]})),
        kwargs(json!({"tree": {"leaf": "S", "kids": [{"leaf": "S", "kids": [{"leaf": "S"}]}]}})),
    ]
}

#[tokio::test]
async fn no_form_of_a_body_shows_what_is_sensitive() {
    let db = Db::new().await;
    db.run(DECLARE).await;
    for body in bodies() {
        let sent = body.to_string();
        sqlx::query("select jobs.publish('pay', $1::jsonb)").bind(&sent).execute(&db.pool).await.unwrap();
        let shown: String =
            db.one("select s.body::text from jobs.find(i_num => 1) f, jobs.shown(f.job_id) s").await;
        assert!(!shown.contains("\"S\""), "{sent} is shown as {shown}");
        assert_eq!(
            shown.matches("\"V\"").count(),
            sent.matches("\"V\"").count(),
            "{sent} is shown as {shown}"
        );
        assert_eq!(shown.contains("\"none\""), sent.contains("\"none\""), "{sent} is shown as {shown}");
    }
    let found: Vec<String> =
        db.all("select arguments from jobs.search(i_num => 100) where job_id is not null").await;
    assert_eq!(found.len(), bodies().len());
    assert!(found.iter().all(|arguments| !arguments.contains("\"S\"")), "{found:?}");
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.search(i_text => '\"S\"') where job_id is not null").await,
        0
    );
}
