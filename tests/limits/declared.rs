//! Limits that the code declares with its tasks.

use std::time::Duration;

use pgjobs::limits::Limit;
use pgjobs::{Worker, task};
use pgjobs_tests::Db;

/// What is declared, as the database is told.
fn declaration(limits: &str) -> String {
    format!(
        r#"select jobs.register_tasks('[{{"name": "t", "args_schema": {{}}, "result_schema": {{}}, "retries": 3, "timeout": 60, "priority": 0,
             "params": [{{"name": "c", "type": "i64", "required": true}}, {{"name": "n", "type": "u32", "required": false, "default": 1}}], "limits": {limits}}}]')"#
    )
}

/// The limits in force, by their names.
async fn limits(db: &Db) -> Vec<String> {
    db.all(
        "select l.name || ' ' || coalesce(l.declared_by, '-') || ' ' || l.edited || ' ' || jobs._limit_options(l)
         from jobs.job_limit l where l.dropped_at is null order by l.name",
    )
    .await
}

const TWO: &str =
    r#"[{"name": "t/c", "key": ["c"], "max": 2, "cost": "n"}, {"name": "t", "rates": ["10/s"]}]"#;

#[tokio::test]
async fn code_makes_changes_and_drops_its_limits() {
    let db = Db::new().await;
    db.run(&declaration(TWO)).await;
    let both = [
        r#"t t false {"rates": [{"rate": "10/s"}]}"#,
        r#"t/c t false {"key": ["c"], "max": 2, "cost": "n"}"#,
    ];
    assert_eq!(limits(&db).await, both);
    let versions = "select array_agg(l.xmin::text || l.ctid::text order by l.id)::text from jobs.job_limit l";
    let before: String = db.one(versions).await;
    db.run(&declaration(TWO)).await;
    assert_eq!(db.one::<String>(versions).await, before, "declared again: nothing is written");
    db.run(&declaration(r#"[{"name": "t/c", "key": ["c"], "max": 3}]"#)).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(limits(&db).await, [r#"t/c t false {"key": ["c"], "max": 3}"#]);
    db.run(&declaration("null")).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(limits(&db).await, [""; 0]);
}

/// Its pattern is the task's name and not a topic, whatever characters the name has.
#[tokio::test]
async fn a_declared_limit_covers_its_own_task_alone() {
    let db = Db::new().await;
    let task = declaration(r#"[{"name": "l", "max": 2}]"#).replace(r#""name": "t""#, r#""name": "t_*%""#);
    db.run(&task).await;
    let covered: Vec<String> = db
        .all("select n from jobs.job_limit l, unnest(array['t_*%', 't_*x', 'ta*%', 't_abc%']) n where n like l.pattern")
        .await;
    assert_eq!(covered, ["t_*%"]);
}

/// While a worker of an older release lives, what it declares holds.
#[tokio::test]
async fn a_limit_goes_with_the_last_worker_that_declares_it() {
    let db = Db::with_clock().await;
    db.run(&declaration(r#"[{"name": "a", "max": 1}]"#)).await;
    db.run("select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{*}', '{t}', 10, 3600)").await;
    db.advance(Duration::from_secs(1)).await;
    db.run(&declaration("[]")).await;
    db.run("select jobs.maintain()").await;
    assert_eq!(limits(&db).await, [r#"a t false {"max": 1}"#]);
    db.run("select jobs.unregister_worker('00000000-0000-7000-8000-000000000000'); select jobs.maintain()")
        .await;
    assert_eq!(limits(&db).await, [""; 0]);
}

#[tokio::test]
async fn an_operators_word_stays_until_the_code_says_something_else() {
    let db = Db::new().await;
    db.run(&declaration(TWO)).await;
    Limit::new("t").without_rates().rate("20/s").save(&db.pool).await.unwrap();
    db.run(&declaration(TWO)).await;
    assert_eq!(limits(&db).await[0], r#"t t true {"rates": [{"rate": "20/s"}]}"#);
    assert!(
        db.one::<bool>(
            "select 't' like pattern and 'tt' not like pattern from jobs.job_limit where name = 't'"
        )
        .await
    );
    db.run(&declaration(r#"[{"name": "t", "rates": ["30/s"]}]"#)).await;
    assert_eq!(limits(&db).await[0], r#"t t false {"rates": [{"rate": "30/s"}]}"#);
}

#[tokio::test]
async fn a_wrong_declaration_is_refused_and_a_taken_name_left_alone() {
    let db = Db::new().await;
    for (limits, words) in [
        ("{}", "limits: at most 20 objects with a name"),
        (r#"[{"max": 1}]"#, "limits: at most 20 objects with a name"),
        (r#"["a"]"#, "limits: at most 20 objects with a name"),
        (r#"[{"name": "a", "maxx": 1}]"#, "unknown key 'maxx'"),
        (r#"[{"name": "a", "key": ["x"], "max": 1}]"#, "task 't': limit 'a': it has no argument 'x'"),
        (r#"[{"name": "a", "max": 1, "cost": "x"}]"#, "task 't': limit 'a': it has no argument 'x'"),
        (r#"[{"name": "a", "max": 1}, {"name": "a", "max": 2}]"#, "two limits are named 'a'"),
    ] {
        let (code, message) = db.refusal(&declaration(limits)).await;
        assert!(code == "PT400" && message.contains(words), "{limits}: {message}");
    }
    assert_eq!(db.one::<i64>("select count(*) from jobs.task").await, 0);
    Limit::new("a").topic("*").max(7).save(&db.pool).await.unwrap();
    db.run(&declaration(r#"[{"name": "a", "max": 1}]"#)).await;
    assert_eq!(limits(&db).await, [r#"a - false {"max": 7}"#], "made by hand");
}

/// A worker must be able to start while an operator has not committed a change.
#[tokio::test]
async fn a_locked_limit_is_left_for_the_next_worker() {
    let db = Db::new().await;
    db.run(&declaration(r#"[{"name": "a", "max": 1}]"#)).await;
    let mut other = db.pool.begin().await.unwrap();
    Limit::new("a").max(5).save(&mut *other).await.unwrap();
    db.run(&declaration(r#"[{"name": "a", "max": 2}]"#)).await;
    other.rollback().await.unwrap();
    assert_eq!(limits(&db).await, [r#"a t false {"max": 1}"#]);
    db.run(&declaration(r#"[{"name": "a", "max": 2}]"#)).await;
    assert_eq!(limits(&db).await, [r#"a t false {"max": 2}"#]);
}

fn region() -> String {
    "eu".to_owned()
}

#[task(
    name = "limits.sync",
    limit(key = (customer, region), max = 2, rate = "100/s", burst = 20, cost = units),
    in_order(key = customer, on_dead = "pause", name = "order.of.customers"),
    fair_by = customer
)]
async fn sync(
    customer: i64,
    #[default(1)] units: u32,
    #[default(region())] region: String,
    #[default(chrono())] at: String,
) {
    drop((customer, units, region, at));
}

fn chrono() -> String {
    format!("{:?}", std::time::Instant::now())
}

#[tokio::test]
async fn a_worker_declares_what_the_attribute_says() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("limits.sync").start().await.unwrap();
    worker.shutdown().await;
    assert_eq!(
        limits(&db).await,
        [
            r#"limits.sync/customer limits.sync false {"key": ["customer"], "fair": true}"#,
            r#"limits.sync/customer,region limits.sync false {"key": ["customer", "region"], "max": 2, "cost": "units", "rates": [{"rate": "100/s", "burst": 20}]}"#,
            r#"order.of.customers limits.sync false {"key": ["customer"], "on_dead": "pause", "in_order": true}"#,
        ]
    );
    let defaults: Vec<String> = db
        .all(
            "select (p->>'name') || coalesce(' ' || (p->'default')::text, '') from jobs.task t, jsonb_array_elements(t.params) p where t.name = 'limits.sync'",
        )
        .await;
    assert_eq!(defaults, ["customer", "units 1", r#"region "eu""#, "at"], "a time is another one each time");
}
