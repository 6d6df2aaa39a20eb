//! The SQL contract, in raw SQL, so that any client could pass it.

use std::time::Duration;

use pgjobs_tests::Db;
use sqlx::{Column as _, Row};

#[tokio::test]
async fn publish_returns_the_queued_row_with_its_defaults() {
    let db = Db::new().await;
    let row = sqlx::query("select * from jobs.publish('mail.send', '{\"args\": [1]}')")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    let names: Vec<&str> = row.columns().iter().map(|column| column.name()).collect();
    let original = [
        "id",
        "job_id",
        "task",
        "body",
        "retries",
        "max_retries",
        "priority",
        "timeout",
        "created_at",
        "run_at",
        "scheduled_at",
    ];
    assert_eq!(names[..original.len()], original);
    assert_eq!(row.get::<i32, _>("retries"), 0);
    assert_eq!(row.get::<i32, _>("max_retries"), 3);
    assert_eq!(row.get::<String, _>("job_id").len(), 32);
    assert_eq!(db.one::<f64>("select timeout::float8 from jobs.job_queue").await, 60.0);
}

#[tokio::test]
async fn null_means_the_default_singly_and_in_bulk() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', null, null, null, null, null)").await;
    db.run("select jobs.publish_bulk(array[('b', null, null, null, null, null)::jobs.bulk_job])").await;
    db.run("select jobs.publish_arrays('{c}', '{null}', '{null}', '{null}', '{null}', '{null}', '{null}')")
        .await;
    let kinds: i64 =
        db.one("select count(distinct (timeout, max_retries, priority)) from jobs.job_queue").await;
    assert_eq!(kinds, 1);
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where timeout = 60 and max_retries = 3").await,
        3
    );
}

#[tokio::test]
async fn publish_bulk_is_called_by_name_and_keeps_the_order() {
    let db = Db::new().await;
    let tasks: Vec<String> = db
        .all(
            "select task from jobs.publish_bulk(i_jobs => (select array_agg(('t' || g, null, null, null, null, null)::jobs.bulk_job)
             from generate_series(1, 5) g))",
        )
        .await;
    assert_eq!(tasks, ["t1", "t2", "t3", "t4", "t5"]);
}

#[tokio::test]
async fn a_refused_publish_names_the_reason_and_not_the_value() {
    let db = Db::new().await;
    for (call, code, words) in [
        ("select jobs.publish('')", "PT400", "1 to 200 characters"),
        ("select jobs.publish(null)", "PT400", "1 to 200 characters"),
        ("select jobs.publish(E'a\\nb')", "PT400", "no control characters"),
        ("select jobs.publish('a', null, 'infinity')", "PT400", "0001-01-02 and 9999-12-30"),
        ("select jobs.publish('a', null, '10000-01-01')", "PT400", "0001-01-02 and 9999-12-30"),
        ("select jobs.publish('a', null, '0001-01-01 BC')", "PT400", "0001-01-02 and 9999-12-30"),
        (
            "select jobs.publish_json('[{\"task\": \"a\", \"scheduled_at\": \"294276-12-31\"}]')",
            "PT400",
            "0001-01-02 and 9999-12-30",
        ),
        (
            "select jobs.publish_arrays('{a}', '{null}', null, '{NaN}', null, null, null)",
            "PT400",
            "0001-01-02 and 9999-12-30",
        ),
        (
            "select jobs.publish_arrays('{a}', '{null}', null, '{-Infinity}', null, null, null)",
            "PT400",
            "0001-01-02 and 9999-12-30",
        ),
        (
            "select jobs.publish_arrays('{a}', '{null}', null, '{9e12}', null, null, null)",
            "PT400",
            "0001-01-02 and 9999-12-30",
        ),
        (
            "select jobs.publish_arrays('{a}', '{null}', null, '{-9e12}', null, null, null)",
            "PT400",
            "0001-01-02 and 9999-12-30",
        ),
        ("select jobs.publish('a', null, null, -1)", "PT400", "timeout lies within"),
        ("select jobs.publish('a', null, null, 'NaN')", "PT400", "timeout lies within"),
        ("select jobs.publish('a', null, null, 604801)", "PT400", "timeout lies within"),
        ("select jobs.publish('a', null, null, null, null, 0)", "PT400", "max_retries lies within"),
        ("select jobs.publish('a', to_jsonb(repeat('secret', 200000)))", "PT413", "the limit is 1048576"),
        (
            "select jobs.publish_bulk(array[('a', null, null, null, null, null), ('b', null, null, 0, null, null)]::jobs.bulk_job[])",
            "PT400",
            "job 2 of 2: timeout",
        ),
        (
            "select jobs.publish_arrays('{a,b}', '{null,null}', '{null,null}', '{null,null}', '{1,-1}', '{0,0}', '{3,3}')",
            "PT400",
            "job 2 of 2: timeout",
        ),
    ] {
        let (state, message) = db.refusal(call).await;
        assert_eq!(state, code, "{call}: {message}");
        assert!(message.contains(words), "{call}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue").await,
        0,
        "a refused batch leaves nothing"
    );
}

#[tokio::test]
async fn greater_priority_first_then_the_order_of_publishing() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('t' || p, to_jsonb(n), null, null, p)
         from (select g as n, g % 3 as p from generate_series(1, 12) g) x",
    )
    .await;
    let order: Vec<i64> = db.all("select (body::text)::bigint from jobs.consume(12)").await;
    assert_eq!(order, [2, 5, 8, 11, 1, 4, 7, 10, 3, 6, 9, 12]);
}

#[tokio::test]
async fn consume_refuses_null_and_nonsense_and_takes_no_more_than_asked() {
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 20)").await;
    for call in [
        "select jobs.consume(null)",
        "select jobs.consume(0)",
        "select jobs.consume(1001)",
        "select jobs.consume_topic('')",
    ] {
        assert_eq!(db.refusal(call).await.0, "PT400", "{call}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(7)").await, 7);
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 7);
}

#[tokio::test]
async fn topics_read_star_and_percent_as_wild_and_underscore_as_itself() {
    let db = Db::new().await;
    db.run("select jobs.publish(t) from unnest(array['mail.send', 'mail.bulk.send', 'mail_x', 'mailax', 'sms.send']) t").await;
    let consume = "select array_agg(task::text order by task) from jobs.consume_topic('mail_*', 10)";
    assert_eq!(db.one::<Vec<String>>(consume).await, ["mail_x"]);
    let consume = "select array_agg(task::text order by task) from jobs.consume('mail.%', 10)";
    assert_eq!(db.one::<Vec<String>>(consume).await, ["mail.bulk.send", "mail.send"]);
    let consume = "select array_agg(task::text order by task) from jobs.consume_topic('*.send', 10)";
    assert_eq!(db.one::<Vec<String>>(consume).await, ["sms.send"]);
}

#[tokio::test]
async fn consume_shows_the_job_as_it_now_is() {
    let db = Db::new().await;
    db.run("select jobs.publish('a')").await;
    let row = sqlx::query("select run_at, attempt, lease, expires_at from jobs.consume('a', 1)")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert!(row.get::<Option<chrono_time::Time>, _>("run_at").is_some());
    assert_eq!(row.get::<i32, _>("attempt"), 1);
    assert!(row.get::<Option<sqlx::types::Uuid>, _>("lease").is_some());
}

mod chrono_time {
    pub(super) type Time = pgjobs::chrono::DateTime<pgjobs::chrono::Utc>;
}

#[tokio::test]
async fn a_future_job_waits_for_its_time_and_then_takes_its_turn() {
    let db = Db::with_clock().await;
    db.run("select jobs.publish('later', null, jobs.now() + interval '1 hour')").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 0);
    db.advance(Duration::from_secs(3599)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 0);
    db.advance(Duration::from_secs(2)).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(1)").await, 1);
}

#[tokio::test]
async fn odd_calls_are_refused_before_they_do_harm() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a', '{\"secret\": \"4111\"}', null, null, null, 1);
         select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', '{a}', 5, 15);
         create table c as select job_id, lease from jobs.consume(1)",
    )
    .await;
    for call in [
        "select jobs.settle((select array[job_id::text] from c), (select array[lease] from c), '{bogus}', '{null}', '{x}', '{1}')",
        "select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', null, gen_random_uuid(), 5)",
        "select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', -1, gen_random_uuid(), 5)",
        "select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', 1, null, 5)",
        "select jobs.claim('00000000-0000-7000-8000-000000000000', '{a}', 1, gen_random_uuid(), null)",
    ] {
        let (state, message) = db.refusal(call).await;
        assert_eq!(state, "PT400", "{call}: {message}");
    }
    for id in ["", "'\";drop", "00000000000000000000000000000000"] {
        let error = sqlx::query("select jobs.publish_arrays('{a}', '{null}', '{null}', '{null}', '{null}', '{null}', '{null}', array[$1])")
            .bind(id)
            .execute(&db.pool)
            .await
            .unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("PT409"), "{id}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.running").await, 1);
}

#[tokio::test]
async fn an_id_that_has_ended_is_not_taken_again() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish('a'); create table c as select (jobs.ack(job_id)).job_id from jobs.consume(1)",
    )
    .await;
    let (state, _) = db
        .refusal("select jobs.publish_arrays('{a}', '{null}', '{null}', '{null}', '{null}', '{null}', '{null}', (select array[job_id::text] from c))")
        .await;
    assert_eq!(state, "PT409");
}

#[tokio::test]
async fn a_claim_whose_quota_is_locked_takes_what_else_there_is() {
    use sqlx::{Connection, Executor};
    let db = Db::new().await;
    db.run("select jobs.publish('a', null, null, null, 10) from generate_series(1, 16); select jobs.publish('b') from generate_series(1, 100)").await;
    let mut other = db.connect().await;
    let mut claiming = other.begin().await.unwrap();
    claiming.execute("select jobs.consume_topic('a', 16)").await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.consume(16)").await, 16);
    claiming.commit().await.unwrap();
}
