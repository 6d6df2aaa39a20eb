//! Bodies are checked against their task's schema when they are published.

mod agreement;
mod binding;
mod modes;
mod suite;
mod types;
mod versions;

use pgjobs_tests::Db;
use serde_json::{Value, json};

/// Declares a task as a worker does; what is left out of the declaration is filled in.
async fn declare(db: &Db, task: Value) {
    let mut declared = json!({
        "name": "t", "args_schema": {"type": "object"}, "result_schema": true, "retries": 3, "timeout": 60,
        "priority": 0, "params": [],
    });
    declared.as_object_mut().unwrap().extend(task.as_object().unwrap().clone());
    sqlx::query("select jobs.register_tasks($1)")
        .bind(json!([declared]))
        .execute(&db.pool)
        .await
        .unwrap_or_else(|error| panic!("{declared}: {error}"));
}

/// A task of one required parameter `x` with this schema.
fn of_one(schema: &Value) -> Value {
    json!({
        "args_schema": {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": false,
                        "$defs": schema.get("$defs").cloned().unwrap_or(json!({}))},
        "params": [{"name": "x", "type": "X", "required": true}],
    })
}

/// What publishing says of a body: the reason why it is refused, none when it is taken.
async fn refused(db: &Db, body: &Value) -> Option<String> {
    refused_of(db, "t", body).await
}

async fn refused_of(db: &Db, task: &str, body: &Value) -> Option<String> {
    let published = sqlx::query("select jobs.publish($1, $2)").bind(task).bind(body).execute(&db.pool).await;
    let error = published.err()?;
    let error = error.as_database_error().unwrap_or_else(|| panic!("{body}: {error}"));
    assert_eq!(error.code().as_deref(), Some("PT422"), "{body}: {error}");
    let start = format!("task '{task}': ");
    Some(error.message().strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned())
}
