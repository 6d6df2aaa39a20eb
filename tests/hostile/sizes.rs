//! The limit on bodies holds to the byte, whichever way they come.

use pgjobs::Worker;
use pgjobs_tests::Db;
use serde_json::json;

use super::generator::Case;
use super::publishing::{self, Refusal};
use super::tasks::any;

/// Letters in a text whose body takes as many bytes as this.
async fn letters(db: &Db, bytes: usize) -> usize {
    let body = body(1000);
    let size: i32 = sqlx::query_scalar("select octet_length($1::jsonb::text)")
        .bind(body)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    bytes + 1000 - size as usize
}

fn body(letters: usize) -> String {
    json!({ "args": [], "kwargs": { "value": "x".repeat(letters) } }).to_string()
}

fn case(letters: usize) -> Case {
    Case { task: "hostile.any".into(), body: body(letters), value: String::new() }
}

/// Every way, with one body of this size; in calls of many it stands in the middle.
async fn answers(db: &Db, letters: usize) -> Vec<Result<String, Refusal>> {
    let mut answers = vec![publishing::one(db, &case(letters)).await];
    for (many, packed) in [(2, false), (3, false), (100, true)] {
        let cases: Vec<Case> = (0..many).map(|at| case(if at == many / 2 { letters } else { 1 })).collect();
        answers.push(publishing::bulk(db, &cases, packed).await.remove(many / 2));
    }
    let value = json!("x".repeat(letters));
    answers.push(
        any::publish(&db.pool, value.clone()).await.map(|job| job.id().to_string()).map_err(Into::into),
    );
    let two = pgjobs::publish_all(&db.pool, [any::new(json!(1)), any::new(value)]).await;
    answers.push(two.map(|jobs| jobs[1].id().to_string()).map_err(Into::into));
    answers
}

async fn check(db: &Db, limit: usize) {
    let exactly = letters(db, limit).await;
    for fits in [exactly - 1, exactly] {
        for answer in answers(db, fits).await {
            answer.unwrap();
        }
    }
    for answer in answers(db, exactly + 1).await {
        let refusal = answer.unwrap_err();
        assert_eq!(refusal.code, "PT413", "{refusal:?}");
        let words = format!("takes {} bytes as text, the limit is {limit}", limit + 1);
        assert!(refusal.words.contains(&words) && refusal.words.contains("'hostile.any'"), "{refusal:?}");
        assert!(!refusal.words.contains("xx"), "{refusal:?}");
    }
    let report = Worker::new(db.pool.clone()).topic("hostile.*").burst().run().await.unwrap();
    assert_eq!(report.failed + report.retried + report.lost, 0, "{report:?}");
}

#[tokio::test]
async fn the_limit_on_bodies_is_exact_for_every_way_to_publish() {
    let db = Db::new().await;
    check(&db, 1 << 20).await;
    db.run("update jobs.config set max_body_bytes = 4096").await;
    check(&db, 4096).await;
}

#[tokio::test]
async fn a_body_that_lies_compressed_in_a_table_counts_in_full() {
    let db = Db::new().await;
    db.run("create table held (body jsonb)").await;
    sqlx::query("insert into held values ($1::jsonb)").bind(body(3 << 20)).execute(&db.pool).await.unwrap();
    for publish in [
        "select jobs.publish('hostile.any', h.body) from held h",
        "select jobs.publish_bulk(array(select row('hostile.any', h.body, null, null, null, null)::jobs.bulk_job from held h))",
        "select jobs.publish_arrays('{hostile.any}', array(select h.body from held h), null, null, null, null, null)",
    ] {
        let (code, words) = db.refusal(publish).await;
        assert_eq!(code, "PT413", "{publish}: {words}");
    }
}
