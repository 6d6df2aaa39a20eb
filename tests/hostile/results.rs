//! Results and errors that the database cannot take spoil their own job only.

use pgjobs::{TaskError, Worker, task};
use pgjobs_tests::Db;
use serde_json::value::RawValue;

use super::tasks::{Raw, neighbour};

fn raw(text: impl Into<String>) -> Result<Raw, TaskError> {
    Ok(Raw(RawValue::from_string(text.into())?))
}

fn deep(depth: usize) -> Result<Raw, TaskError> {
    raw(format!("{}{}", "[".repeat(depth), "]".repeat(depth)))
}

fn long(bytes: usize) -> Result<Raw, TaskError> {
    raw(format!("\"{}\"", "x".repeat(bytes - 2)))
}

/// Ends with what it is told.
#[task(name = "hostile.result", retries = 1)]
async fn give(what: String) -> Result<Raw, TaskError> {
    match what.as_str() {
        "nul" => raw(r#"{"a": "b\u0000"}"#),
        "nul in a key" => raw(r#"{"\u0000": 1}"#),
        "surrogate" => raw(r#""canary7Q\ud800""#),
        "huge number" => raw("1e400"),
        "huger number" => raw("1e200000"),
        "hugest number" => raw("1e99999999999"),
        "deep" => deep(1000),
        "too deep" => deep(100_000),
        "long" => long(20 << 20),
        "longest" => long(64 << 20),
        "too long" => long((64 << 20) + 1),
        "long error" => Err("\u{e4}".repeat(5 << 20).into()),
        "error with nul" => Err("a\0b".into()),
        "panic with nul" => panic!("a\0{}", "b".repeat(1 << 20)),
        other => raw(format!("\"{other}\"")),
    }
}

/// Not finite.
#[task(name = "hostile.float", retries = 1)]
async fn float() -> Result<[f64; 3], TaskError> {
    Ok([f64::NAN, f64::INFINITY, f64::MIN_POSITIVE])
}

const ENDS: [(&str, &str); 14] = [
    ("nul", "the result holds a NUL character, which jsonb cannot store"),
    ("nul in a key", "the result holds a NUL character, which jsonb cannot store"),
    ("surrogate", "the run succeeded; and the database refused this outcome: database: "),
    ("huge number", ""),
    ("huger number", "the run succeeded; and the database refused this outcome: database: "),
    ("hugest number", "the run succeeded; and the database refused this outcome: database: "),
    ("deep", ""),
    ("too deep", "the run succeeded; and the database refused this outcome: database: "),
    ("long", ""),
    ("longest", ""),
    ("too long", "the result takes 67108865 bytes, the limit is 67108864"),
    ("long error", "\u{e4}\u{e4}\u{e4}"),
    ("error with nul", "a\u{fffd}b"),
    ("panic with nul", "panicked: a\u{fffd}b"),
];

#[tokio::test]
async fn a_result_that_cannot_be_stored_fails_its_own_job_with_the_reason() {
    let db = Db::new().await;
    let mut jobs = Vec::new();
    for (what, _) in ENDS {
        pgjobs::publish_all(&db.pool, (0..10).map(neighbour::new)).await.unwrap();
        jobs.push(give::publish(&db.pool, what.to_owned()).await.unwrap());
    }
    float::publish(&db.pool).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("hostile.*").concurrency(100);
    let report = worker.burst().run().await.unwrap();
    assert_eq!(report.lost, 0, "{report:?}");
    for ((what, words), job) in ENDS.iter().zip(jobs) {
        let (state, said, length): (String, String, i32) = sqlx::query_as(
            "select status::text, coalesce(left(traceback, 200), ''), coalesce(octet_length(traceback), 0) from jobs.job where job_id = $1",
        )
        .bind(job.id().as_str())
        .fetch_one(&db.pool)
        .await
        .unwrap();
        assert_eq!(state, if words.is_empty() { "success" } else { "failed" }, "{what}: {said}");
        assert!(said.starts_with(words) && !said.contains("canary"), "{what}: {said}");
        assert!(length <= 64 << 10, "{what}: {length}");
    }
    let well = "select count(*) from jobs.job where task = 'hostile.neighbour' and status = 'success'";
    assert_eq!(db.one::<i64>(well).await, 140);
    let float: String = db.one("select result::text from jobs.job where task = 'hostile.float'").await;
    assert!(float.starts_with("[null, null, "), "JSON has no other word for them: {float}");
}

#[tokio::test]
async fn results_that_make_more_than_a_message_together_are_sent_in_parts() {
    let db = Db::new().await;
    pgjobs::publish_all(&db.pool, (0..8).map(|_| give::new("long".into()))).await.unwrap();
    let worker = Worker::new(db.pool.clone()).topic("hostile.result").concurrency(8);
    let report = worker.burst().run().await.unwrap();
    assert_eq!((report.succeeded, report.lost), (8, 0), "{report:?}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.job where status = 'success'").await, 8);
}
