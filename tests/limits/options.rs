//! What `jobs.set_limit` takes, what it refuses, and what a change leaves as it was.

use pgjobs::limits::{Limit, OnDead};
use pgjobs_tests::Db;
use serde_json::{Value, json};

/// The options of a limit, as they would make it anew.
async fn options(db: &Db, name: &str) -> Value {
    let text: String = db
        .one(&format!("select jobs._limit_options(l)::text from jobs.job_limit l where l.name = '{name}'"))
        .await;
    serde_json::from_str(&text).unwrap()
}

async fn id(db: &Db, name: &str) -> i32 {
    db.one(&format!("select l.id from jobs.job_limit l where l.name = '{name}'")).await
}

fn set(options: &str) -> String {
    format!("select jobs.set_limit('a', 'x.*', '{options}')")
}

#[tokio::test]
async fn options_that_are_given_replace_and_others_stay() {
    let db = Db::new().await;
    db.run(&set(
        r#"{"key": ["c"], "max": 2, "rates": ["100/s", {"rate": "1000/h", "burst": 50}], "burst": 20, "cost": "n"}"#,
    ))
    .await;
    let first = id(&db, "a").await;
    let both = json!([{"rate": "100/s", "burst": 20}, {"rate": "1000/h", "burst": 50}]);
    assert_eq!(options(&db, "a").await, json!({"key": ["c"], "max": 2, "cost": "n", "rates": both}));
    for (change, expected) in [
        (r#"{"max": 5}"#, json!({"key": ["c"], "max": 5, "cost": "n", "rates": both})),
        (
            r#"{"burst": 7, "cost": null}"#,
            json!({"key": ["c"], "max": 5, "rates": [{"rate": "100/s", "burst": 7}, {"rate": "1000/h", "burst": 50}]}),
        ),
        (r#"{"rates": ["7/10m"]}"#, json!({"key": ["c"], "max": 5, "rates": [{"rate": "7/10m"}]})),
        (r#"{"rates": null}"#, json!({"key": ["c"], "max": 5})),
        ("{}", json!({"key": ["c"], "max": 5})),
    ] {
        db.run(&format!("select jobs.set_limit('a', null, '{change}')")).await;
        assert_eq!(options(&db, "a").await, expected, "{change}");
    }
    assert_eq!(id(&db, "a").await, first, "it is the same limit");
}

#[tokio::test]
async fn another_key_order_fairness_or_topic_makes_a_new_limit() {
    let db = Db::new().await;
    db.run(&set(r#"{"key": ["c"], "max": 2}"#)).await;
    let mut last = id(&db, "a").await;
    for change in [
        r#"'x.*', '{"key": ["d"]}'"#,
        r#"null, '{"max": null, "in_order": true, "on_dead": "hold"}'"#,
        r#"null, '{"in_order": false, "fair": true, "weights": {"acme": 3}}'"#,
        r#"null, '{"fair": null, "max": 1}'"#,
        r#"'y.*', '{}'"#,
    ] {
        db.run(&format!("select jobs.set_limit('a', {change})")).await;
        let now = id(&db, "a").await;
        assert_ne!(now, last, "{change}");
        last = now;
    }
    assert_eq!(
        options(&db, "a").await,
        json!({"key": ["d"], "max": 1}),
        "what hung on an option went with it"
    );
    let dropped: i64 = db.one("select count(*) from jobs.job_limit where dropped_at is not null").await;
    assert_eq!(dropped, 5);
    db.run("select jobs.maintain()").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_limit").await, 1, "nothing used them");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_named() {
    let db = Db::new().await;
    let hour = r#"{"rates": [{"rate": "1/h", "burst": 3}], "burst": 3}"#;
    for (options, words) in [
        ("{}", "it limits nothing"),
        ("[]", "its options are an object"),
        ("null", "its options are an object"),
        (r#"{"maxx": 1}"#, "unknown key 'maxx': a limit has key, max"),
        (r#"{"max": -1}"#, "max: 0 to 1000000000"),
        (r#"{"max": 1.5}"#, "max: 0 to"),
        (r#"{"max": 1000000001}"#, "max: 0 to"),
        (r#"{"max": "1"}"#, "max: 0 to"),
        (r#"{"key": [], "max": 1}"#, "key: 1 to 10 different names"),
        (r#"{"key": ["c", "c"], "max": 1}"#, "key: 1 to 10"),
        (r#"{"key": "c", "max": 1}"#, "key: 1 to 10"),
        (r#"{"key": [1], "max": 1}"#, "key: 1 to 10"),
        (r#"{"key": ["a","b","c","d","e","f","g","h","i","j","k"], "max": 1}"#, "key: 1 to 10"),
        (r#"{"rates": []}"#, "rates: 1 to 8"),
        (r#"{"rates": "1/s"}"#, "rates: 1 to 8"),
        (r#"{"rates": ["1"]}"#, "rates: '1' is no rate"),
        (r#"{"rates": ["0/s"]}"#, "1 start or more"),
        (r#"{"rates": ["1/0s"]}"#, "the span of a rate is 1 second"),
        (r#"{"rates": ["1/367d"]}"#, "366 days"),
        (r#"{"rates": ["9999999/s"]}"#, "at most 1000000 a second"),
        (r#"{"rates": ["1/s", "60/m"]}"#, "two of the rates mean the same"),
        (r#"{"rates": [{"rate": "1/s", "bursts": 3}]}"#, "a rate has the keys rate and burst"),
        (r#"{"rates": [{"rate": "1/s", "burst": 0}]}"#, "burst: 1 to 9999999"),
        (hour, "the first rate has a burst already"),
        (r#"{"max": 1, "burst": 3}"#, "burst is for limits with rates"),
        (r#"{"in_order": true, "max": 1}"#, "leave max out"),
        (r#"{"on_dead": "hold", "max": 1}"#, "on_dead is for limits in_order"),
        (r#"{"in_order": true, "on_dead": "stop"}"#, "on_dead: skip, hold or pause"),
        (r#"{"fair": true}"#, "fair needs a key"),
        (r#"{"max": 1, "weights": {"a": 1}}"#, "weights are for fair limits"),
        (r#"{"fair": true, "key": ["c"], "weights": {"a": 0}}"#, "weights: an object of numbers"),
        (r#"{"fair": true, "key": ["c"], "cost": "n"}"#, "cost is for limits with max or rates"),
        (r#"{"in_order": "yes"}"#, "in_order: true or false"),
    ] {
        let (code, message) = db.refusal(&set(options)).await;
        assert!(
            code == "PT400" && message.starts_with("limit 'a': ") && message.contains(words),
            "{options}: {message}"
        );
    }
    for (call, code, words) in [
        (r#"'a', null, '{"max": 1}'"#, "PT404", "there is no limit 'a'"),
        (r#"null, 'x', '{"max": 1}'"#, "PT400", "1 to 200 characters"),
        (r#"'a', '', '{"max": 1}'"#, "PT400", "it needs a topic"),
        (r#"'a (dropped 4)', 'x', '{"max": 1}'"#, "PT400", "the form of a dropped one"),
    ] {
        let (found, message) = db.refusal(&format!("select jobs.set_limit({call})")).await;
        assert!(found == code && message.contains(words), "{call}: {found} {message}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_limit").await, 0);
}

#[tokio::test]
async fn a_limit_is_set_and_changed_from_rust() {
    let db = Db::new().await;
    let made = Limit::new("eu.api").topic("eu.*").max(50).rate("300/m").rate("10/s").burst(9);
    made.save(&db.pool).await.unwrap();
    let rates = json!([{"rate": "300/m", "burst": 9}, {"rate": "10/s"}]);
    assert_eq!(options(&db, "eu.api").await, json!({"max": 50, "rates": rates}));
    let mut tx = db.pool.begin().await.unwrap();
    Limit::new("eu.api").without_rates().max(7).key(["c", "d"]).cost("n").save(&mut *tx).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(options(&db, "eu.api").await, json!({"max": 50, "rates": rates}), "it was rolled back");
    Limit::new("eu.api")
        .without_rates()
        .without_max()
        .key(["c"])
        .in_order(true)
        .on_dead(OnDead::Hold)
        .save(&db.pool)
        .await
        .unwrap();
    assert_eq!(options(&db, "eu.api").await, json!({"key": ["c"], "in_order": true, "on_dead": "hold"}));
    Limit::new("eu.api").in_order(false).fair(true).weight("acme", 3.0).save(&db.pool).await.unwrap();
    assert_eq!(options(&db, "eu.api").await, json!({"key": ["c"], "fair": true, "weights": {"acme": 3.0}}));
    let refused = Limit::new("eu.api").fair(false).without_key().save(&db.pool).await.unwrap_err();
    assert!(refused.to_string().contains("it limits nothing"), "{refused}");
    assert!(pgjobs::limits::drop(&db.pool, "eu.api").await.unwrap());
    assert!(!pgjobs::limits::drop(&db.pool, "eu.api").await.unwrap());
    let audited: Vec<String> =
        db.all("select a.action || ' ' || a.target from jobs.audit_log() a order by a.id").await;
    assert_eq!(audited, ["set_limit eu.api", "set_limit eu.api", "set_limit eu.api", "drop_limit eu.api"]);
}

/// A bucket whose rate was used up for an hour by its old burst starts again within what the new burst takes.
#[tokio::test]
async fn a_faster_rate_holds_at_once_for_keys_that_were_used_up() {
    let db = Db::with_clock().await;
    db.run(&set(r#"{"key": ["c"], "rates": [{"rate": "1000/h", "burst": 1000}]}"#)).await;
    db.run(
        "insert into jobs.bucket (id, version, key, waits, tats)
         select (7::bigint << 14) + l.id, nextval('jobs.bucket_versions'), '[7]', true, array[jobs.now() + interval '1 hour'] from jobs.job_limit l",
    )
    .await;
    db.run(&set(r#"{"rates": ["100/s", "2/m"]}"#)).await;
    let ahead: Vec<Option<f64>> = db
        .all("select extract(epoch from t - jobs.now())::float8 from jobs.bucket b, unnest(b.tats) t")
        .await;
    assert_eq!(ahead, [Some(1.0), None], "a burst of 100 takes a second; the second rate is new");
    let asked: Vec<i64> = db.all("select b >> 14 from jobs.bucket_delta d, unnest(d.buckets) b").await;
    assert_eq!(asked, [7], "the next claim looks at it");
}
