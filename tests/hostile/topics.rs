//! Hostile names and topics: SQL and Rust agree on what falls under what.

use pgjobs::{Error, Topic};
use pgjobs_tests::Db;

use super::generator::Generator;

const TOPICS: [&str; 18] = [
    "*",
    "%",
    "hostile.*",
    "hostile.%",
    "hostile_any",
    "*any",
    "%.%",
    "hostile.any\\",
    "\\%",
    "[h]*",
    "(h|n)*",
    "n*n*n*n*n*n*n*n*n*n*n*n*n*n*n*n*x",
    "'; drop table jobs.job; --",
    "*\u{e4}*",
    "HOSTILE.*",
    "hostile.any ",
    "{*}",
    "***",
];

#[tokio::test]
async fn a_topic_holds_the_same_names_in_sql_and_in_rust() {
    let (db, mut generator) = (Db::new().await, Generator::new(7));
    for _ in 0..500 {
        let name = generator.name();
        // Some are refused; they are not the subject here.
        let _ = sqlx::query("select jobs.publish($1)").bind(&name).execute(&db.pool).await;
    }
    let all: Vec<String> = db.all("select task from jobs.job_queue order by 1").await;
    for pattern in TOPICS {
        let topic: Topic = pattern.parse().unwrap();
        let expected: Vec<&String> = all.iter().filter(|task| topic.holds(task)).collect();
        let mut tx = db.pool.begin().await.unwrap();
        let mut held: Vec<String> = sqlx::query_scalar("select task from jobs.consume_topic($1, 1000)")
            .bind(pattern)
            .fetch_all(&mut *tx)
            .await
            .unwrap();
        tx.rollback().await.unwrap();
        held.sort();
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        expected.sort();
        assert_eq!(held, expected, "{pattern}");
    }
}

#[test]
fn what_is_no_topic_is_refused_by_name() {
    for pattern in ["", "a\0b", "a\nb", "\u{85}", &"x".repeat(201)] {
        let refused = pattern.parse::<Topic>().unwrap_err();
        assert!(matches!(refused, Error::Topic { .. }), "{refused}");
    }
}
