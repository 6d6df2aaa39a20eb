//! Versions of a program side by side: the database may know the older or the newer form of a task.

use std::time::Duration;

use pgjobs_tests::Db;
use serde_json::{Value, json};

use super::{declare, of_one, refused};

fn old() -> Value {
    of_one(&json!({"type": "integer"}))
}

fn new() -> Value {
    of_one(&json!({"type": "string"}))
}

fn by(value: &Value) -> Value {
    json!({"args": [value]})
}

async fn start_worker(db: &Db) {
    db.run("select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{}', '{t}', 1, 60); update jobs.worker set expires_at = 'infinity'").await;
}

#[tokio::test]
async fn while_both_signatures_are_in_use_either_accepts_a_body() {
    let db = Db::with_clock().await;
    declare(&db, old()).await;
    start_worker(&db).await;
    assert!(refused(&db, &by(&json!("new"))).await.is_some());
    declare(&db, new()).await;
    for restart in [old(), new(), old()] {
        assert_eq!(refused(&db, &by(&json!("new"))).await, None);
        assert_eq!(refused(&db, &by(&json!(7))).await, None);
        declare(&db, restart).await;
    }
    assert!(refused(&db, &by(&json!(null))).await.is_some(), "fits neither");
    assert_eq!(db.one::<i64>("select count(*) from jobs.task_signature").await, 2);
}

#[tokio::test]
async fn a_signature_is_in_use_for_a_day_and_while_its_worker_lives() {
    let db = Db::with_clock().await;
    declare(&db, old()).await;
    start_worker(&db).await;
    db.advance(Duration::from_secs(3600)).await;
    declare(&db, new()).await;
    start_worker(&db).await;
    db.advance(Duration::from_secs(86_400 * 3)).await;
    assert_eq!(refused(&db, &by(&json!(7))).await, None, "the older worker lives");
    db.run("delete from jobs.worker where started_at = (select min(started_at) from jobs.worker)").await;
    let reason = refused(&db, &by(&json!(7))).await.unwrap();
    assert_eq!(reason, "arguments do not fit: `x`: expected a string, found integer");
    declare(&db, old()).await;
    assert_eq!(refused(&db, &by(&json!(7))).await, None, "undone");
    assert_eq!(refused(&db, &by(&json!("new"))).await, None, "its worker lives");
}

#[tokio::test]
async fn a_worker_that_starts_with_what_is_known_writes_nothing() {
    let db = Db::new().await;
    declare(&db, old()).await;
    let version = "select (select xmin::text from jobs.task) || (select xmin::text from jobs.task_signature) || (select xmin::text from jobs.publish_check)";
    let before: String = db.one(version).await;
    declare(&db, old()).await;
    assert_eq!(db.one::<String>(version).await, before);
}
