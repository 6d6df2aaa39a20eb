//! The tasks in the registry, and the command that reads it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pgjobs::Worker;
use pgjobs::define::linked_tasks;
use pgjobs_tests::{Db, output};

/// A database that knows the tasks.
pub(crate) async fn declared() -> Db {
    let db = Db::new().await;
    worker(&db).burst().run().await.expect("the tasks declared");
    db
}

/// A database with tasks that no Rust worker would declare, and that could be declared before declarations were checked.
pub(crate) async fn odd() -> Db {
    let db = Db::new().await;
    let unchecked = "create or replace function jobs._check_declarations(i_tasks jsonb) returns void language sql as 'select'";
    sqlx::query(unchecked).execute(&db.pool).await.expect("a function");
    let tasks: serde_json::Value = serde_json::from_str(include_str!("odd.json")).expect("JSON");
    let declare = sqlx::query("select jobs.register_tasks($1)").bind(tasks);
    declare.execute(&db.pool).await.expect("the tasks declared");
    db
}

/// A database with the one task that the book's examples publish.
pub(crate) async fn letters() -> Db {
    let db = Db::new().await;
    let task = serde_json::json!([{
        "name": "mail.welcome", "doc": "Sends the welcome letter.",
        "params": [
            {"name": "user_id", "type": "i64", "required": true},
            {"name": "locale", "type": "String", "required": false},
        ],
        "args_schema": {
            "type": "object", "required": ["user_id"], "additionalProperties": false,
            "properties": {"user_id": {"type": "integer", "format": "int64"}, "locale": {"type": "string", "default": "en"}},
        },
        "result_schema": {"$ref": "#/$defs/Receipt", "$defs": {"Receipt": {
            "type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}},
        }}},
        "retries": 5, "timeout": 30, "priority": 0,
    }]);
    let declare = sqlx::query("select jobs.register_tasks($1)").bind(task);
    declare.execute(&db.pool).await.expect("the task declared");
    db
}

/// A worker for the tasks.
pub(crate) fn worker(db: &Db) -> Worker {
    assert!(linked_tasks().is_ok_and(|tasks| tasks.len() >= 10), "the tasks are linked");
    Worker::new(db.pool.clone()).topic("demo.*")
}

/// Runs the command with these arguments.
pub(crate) fn codegen(db: &Db, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.arg("codegen").args(arguments).env("DATABASE_URL", &db.url);
    output(&mut command)
}

/// The client of all tasks in a language.
pub(crate) fn client(db: &Db, lang: &str) -> String {
    let said = codegen(db, &["--lang", lang]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).expect("UTF-8")
}

/// A file beside these tests.
pub(crate) fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("codegen").join(path)
}

/// Runs a tool that has to succeed.
#[cfg(feature = "codegen-clients")]
pub(crate) async fn tool(command: &mut tokio::process::Command) -> String {
    let output = command.stdin(std::process::Stdio::null()).kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
}
