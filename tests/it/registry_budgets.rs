//! What the registry and the check of a body may cost: bounded for any schema and any body, and in proportion to what
//! changes. Times are generous, since the machine may be busy; what is written is exact.

use std::time::{Duration, Instant};

use pgjobs_tests::{Db, Lateness, amount};
use serde_json::{Value, json};

/// A task of ten fields and two nested types, as a program of some size has hundreds of.
fn ordinary(n: usize) -> Value {
    let int = json!({"type": "integer", "format": "int64"});
    let field = |at: usize| match at % 5 {
        0 => json!({"$ref": "#/$defs/Address"}),
        1 => json!({"anyOf": [{"$ref": "#/$defs/Line"}, {"type": "null"}]}),
        2 => json!({"type": "array", "items": {"$ref": "#/$defs/Line"}}),
        3 => json!({"type": ["string", "null"]}),
        _ => int.clone(),
    };
    let names: Vec<String> = (0..10).map(|at| format!("field_{at}")).collect();
    let properties: Value = names.iter().enumerate().map(|(at, name)| (name.clone(), field(at))).collect();
    json!({
        "name": format!("t.n{n}"), "result_schema": true, "retries": 3, "timeout": 60, "priority": 0,
        "params": names.iter().map(|name| json!({"name": name, "type": "T", "required": true})).collect::<Vec<_>>(),
        "args_schema": {"type": "object", "properties": properties, "required": names, "additionalProperties": false, "$defs": {
            "Address": {"type": "object", "properties": {"street": {"type": "string"}, "zip": {"type": "string", "maxLength": 9}, "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}}, "required": ["street"]},
            "Line": {"type": "object", "properties": {"sku": {"type": "string"}, "count": {"type": "integer", "minimum": 0}}, "required": ["sku", "count"]}}},
    })
}

/// A task of one parameter with this schema.
fn of_one(name: &str, schema: &Value) -> Value {
    json!([{
        "name": name, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0, "params": [{"name": "x", "type": "X", "required": true}],
        "args_schema": {"type": "object", "properties": {"x": schema}, "required": ["x"], "additionalProperties": false,
                        "$defs": schema.get("$defs").cloned().unwrap_or(json!({}))},
    }])
}

async fn declare(db: &Db, tasks: &Value) -> Duration {
    let begun = Instant::now();
    sqlx::query("select jobs.register_tasks($1)").bind(tasks).execute(&db.pool).await.unwrap();
    begun.elapsed()
}

/// Bytes of write-ahead log and rows of the registry that a declaration writes.
async fn writes(db: &Db, tasks: &Value) -> (i64, Vec<String>, Duration) {
    let rows = "select name::text || ' ' || xmin from jobs.task union all select 'check ' || name || ' ' || xmin from jobs.publish_check
                union all select 'form ' || task || ' ' || xmin from jobs.task_signature";
    let before: Vec<String> = db.all(rows).await;
    let explain = format!(
        "explain (analyze, wal, format json) select jobs.register_tasks('{}')",
        tasks.to_string().replace('\'', "''")
    );
    let begun = Instant::now();
    let plan: Value = db.one(&explain).await;
    let (took, log) = (begun.elapsed(), plan[0]["Plan"]["WAL Bytes"].as_i64().unwrap());
    let before: std::collections::HashSet<String> = before.into_iter().collect();
    let mut written: Vec<String> =
        db.all::<String>(rows).await.into_iter().filter(|row| !before.contains(row)).collect();
    written.iter_mut().for_each(|row| row.truncate(row.rfind(' ').unwrap()));
    written.sort();
    (log, written, took)
}

#[tokio::test]
async fn five_hundred_ordinary_tasks_are_declared_within_a_workers_patience() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let tasks: Value = (0..500).map(ordinary).collect();
    let took = declare(&db, &tasks).await;
    println!("500 tasks: {took:?}");
    assert!(took < lateness.allow(Duration::from_secs(15)), "{took:?}");
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.publish_check where fits is not null").await,
        500,
        "all compiled"
    );
    let (_, written, took) = writes(&db, &tasks).await;
    println!("unchanged: {took:?}");
    assert!(written.is_empty() && took < lateness.allow(Duration::from_secs(2)), "{took:?} {written:?}");
}

#[tokio::test]
async fn one_changed_task_among_thousands_writes_only_what_changed() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let small = |n: usize| {
        let mut task = of_one(&format!("t.n{n}"), &json!({"type": "integer"}))[0].clone();
        task["aliases"] = json!([format!("alias.n{n}")]);
        task
    };
    let mut tasks: Vec<Value> = (0..amount(1000, 5000) as usize).map(small).collect();
    declare(&db, &json!(tasks)).await;
    db.run("analyze jobs.task, jobs.publish_check, jobs.task_signature").await;
    let (_, written, took) = writes(&db, &json!(tasks)).await;
    println!("{} unchanged: {took:?}", tasks.len());
    assert!(written.is_empty() && took < lateness.allow(Duration::from_secs(10)), "{took:?} {written:?}");
    tasks[7]["doc"] = json!("what it does");
    let (log, written, _) = writes(&db, &json!(tasks)).await;
    assert_eq!(written, ["t.n7"], "publishing looks up no text");
    assert!(log < 100_000, "{log} bytes of log");
    tasks[8]["validate"] = json!("warn");
    tasks[8]["aliases"] = json!(["alias.other"]);
    let (log, written, _) = writes(&db, &json!(tasks)).await;
    assert_eq!(written, ["check alias.other", "check t.n8", "t.n8"]);
    assert!(log < 200_000, "{log} bytes of log");
    assert_eq!(db.one::<i64>("select count(*) from jobs.publish_check where name = 'alias.n8'").await, 0);
    let stale = "with now as materialized (select name, task, validation, keep, names, fits::text from jobs.publish_check) select count(*) from (select jobs._refresh_publish_checks()) r,
                   lateral (select * from jobs.publish_check k where not exists (select from now n where n.name = k.name)) k";
    assert_eq!(
        db.one::<i64>(stale).await,
        0,
        "what is written bit by bit is what all of it at once would be"
    );
}

#[tokio::test]
async fn listing_tasks_is_linear_in_tasks_and_workers() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let tasks: Value = (0..5000).map(|n| of_one(&format!("t.n{n}"), &json!(true))[0].clone()).collect();
    declare(&db, &tasks).await;
    db.run(
        "select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{}', (select array_agg('t.n' || (w * 37 + i) % 5000) from generate_series(1, 200) i), 1, 3600)
         from generate_series(1, 500) w",
    )
    .await;
    let expected: i64 = 500 * 200;
    for (call, workers) in [
        ("select sum(workers)::bigint from jobs.tasks()", expected),
        ("select sum(workers)::bigint from jobs.tasks_in_use()", expected),
        (
            "select sum(others)::bigint from jobs.tasks_in_use(i_known => (select array_agg(name::text) from jobs.task))",
            0,
        ),
    ] {
        let begun = Instant::now();
        assert_eq!(db.one::<i64>(call).await, workers, "{call}");
        println!("{call}: {:?}", begun.elapsed());
        assert!(begun.elapsed() < lateness.allow(Duration::from_secs(6)), "{call}: {:?}", begun.elapsed());
    }
}

/// The definitions d0 to d40, each of which refers to the next in two places; and what the last is.
fn doubling(keyword: &str, last: &Value) -> Value {
    let next = |at: usize| json!({"$ref": format!("#/$defs/d{}", at + 1)});
    let mut defs: serde_json::Map<String, Value> =
        (0..40).map(|at| (format!("d{at}"), json!({ keyword: [next(at), next(at)] }))).collect();
    defs.insert("d40".into(), last.clone());
    json!({"$ref": "#/$defs/d0", "$defs": defs})
}

fn tagged(variants: usize) -> Value {
    let variant = |n: usize| json!({"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string", "const": format!("v{n}")}, "a": {"type": "integer"}}});
    json!({"oneOf": (0..variants).map(variant).collect::<Vec<_>>()})
}

/// Each schema, a body for it, and whether that one is taken.
fn costly() -> Vec<(&'static str, Value, Value, bool)> {
    let array_of_itself = |more: &Value| {
        let mut array = json!({"type": "array", "items": {"$ref": "#/$defs/T"}});
        array.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        array
    };
    let exponential = json!({"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": [
        array_of_itself(&json!({})), array_of_itself(&json!({"maxItems": 9})), array_of_itself(&json!({"minItems": 0}))]}}});
    let nested = (0..24).fold(json!(1), |inner, _| json!([inner]));
    let patterns: Value = (0..5000).map(|n| (format!("^(a|b)*{n}$"), json!(true))).collect();
    let keys: Value = (0..2000).map(|n| ("ab".repeat(50) + &n.to_string(), json!(1))).collect();
    let many =
        |n: usize| -> Value { (0..n).map(|at| (format!("a{at}"), json!({"type": "integer"}))).collect() };
    vec![
        ("tagged 300", tagged(300), json!({"kind": "v299", "a": 1}), true),
        ("tagged 300, unfit", tagged(300), json!({"kind": "v299", "a": "x"}), false),
        ("tagged 40", tagged(40), json!({"kind": "v39", "a": 1}), true),
        (
            "oneOf 1500",
            json!({"oneOf": (0..1500).map(|n| json!({"properties": {format!("a{n}"): {"type": "integer"}}})).collect::<Vec<_>>()}),
            json!({"a1": 1}),
            false,
        ),
        ("doubling", doubling("allOf", &json!({"type": "integer"})), json!(1), true),
        ("doubling, unfit at once", doubling("allOf", &json!({"type": "integer"})), json!("x"), false),
        ("doubling without end", doubling("anyOf", &json!({"$ref": "#/$defs/d0"})), json!(1), true),
        ("doubling in vain", doubling("anyOf", &json!({"type": "integer"})), json!("x"), true),
        ("doubling of nothing", doubling("allOf", &json!(true)), json!("x"), true),
        ("itself thrice", exponential, nested, true),
        ("patterns", json!({"patternProperties": patterns}), keys, true),
        ("5000 properties", json!({"type": "object", "properties": many(5000)}), json!({"a4999": 1}), true),
        ("a long enum", json!({"enum": (0..50_000).collect::<Vec<_>>()}), json!(49_999), true),
        ("5000 definitions", json!({"$ref": "#/$defs/a1", "$defs": many(5000)}), json!(1), true),
        (
            "deep",
            (0..100).fold(json!({"type": "integer"}), |inner, _| json!({"not": {"not": inner}})),
            json!("x"),
            false,
        ),
    ]
}

#[tokio::test]
async fn no_schema_holds_a_session_for_long() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    for (name, schema, value, is_taken) in costly() {
        let declared = declare(&db, &of_one(name, &schema)).await;
        let begun = Instant::now();
        let published = sqlx::query("select jobs.publish($1, $2)")
            .bind(name)
            .bind(json!({"args": [value]}))
            .execute(&db.pool)
            .await;
        println!("{name}: declared in {declared:?}, published in {:?}", begun.elapsed());
        assert!(
            declared < lateness.allow(Duration::from_secs(5))
                && begun.elapsed() < lateness.allow(Duration::from_secs(5)),
            "{name}: {declared:?}, {:?}",
            begun.elapsed()
        );
        assert_eq!(published.is_ok(), is_taken, "{name}: {published:?}");
    }
    assert_eq!(
        db.all::<String>("select name::text from jobs.publish_check where fits is not null order by name")
            .await,
        ["deep", "tagged 40"],
        "what is short is compiled"
    );
}

fn tree(leaves: usize, last: &Value) -> Value {
    let leaf = json!({"name": "x", "children": []});
    let mut children = vec![leaf; leaves];
    children.push(last.clone());
    json!({"args": [{"name": "root", "children": children}]})
}

#[tokio::test]
async fn a_body_of_a_recursive_type_is_looked_at_for_a_while() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let node = json!({"type": "object", "required": ["name", "children"], "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/T"}}}});
    declare(&db, &of_one("tree", &json!({"$ref": "#/$defs/T", "$defs": {"T": node}}))).await;
    db.run("update jobs.config set max_body_bytes = 100000000").await;
    let publish = async |body: Value| {
        let begun = Instant::now();
        let said = sqlx::query("select jobs.publish('tree', $1)").bind(body).execute(&db.pool).await;
        (said.is_ok(), begun.elapsed())
    };
    for (leaves, last, is_taken) in [
        (30, json!({"name": "x", "children": []}), true),
        (30, json!({"name": 7, "children": []}), false),
        (50_000, json!({"name": 7, "children": []}), true),
    ] {
        let (ok, took) = publish(tree(leaves, &last)).await;
        println!("{leaves} leaves: {took:?}");
        assert!(
            ok == is_taken && took < lateness.allow(Duration::from_secs(4)),
            "{leaves} leaves: {ok}, {took:?}"
        );
    }
    // Many such bodies in one call are looked at for two seconds, and not for two seconds each.
    let bodies: Vec<Value> = (0..200).map(|_| tree(2000, &json!({"name": "x", "children": []}))).collect();
    let begun = Instant::now();
    sqlx::query("select jobs.publish_arrays('{tree}', $1, null, null, null, null, null)")
        .bind(bodies)
        .execute(&db.pool)
        .await
        .unwrap();
    println!("200 of 2000 leaves: {:?}", begun.elapsed());
    assert!(
        begun.elapsed() < lateness.allow(Duration::from_secs(25)),
        "{:?}: a minute if each had its 300 ms",
        begun.elapsed()
    );
}

/// An older form in use is asked by its predicate before anything is walked.
#[tokio::test]
async fn a_body_that_an_older_predicate_accepts_is_not_walked() {
    let db = Db::new().await;
    declare(&db, &of_one("t", &json!({"type": "integer"}))).await;
    declare(&db, &of_one("t", &doubling("anyOf", &json!({"type": "string"})))).await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.task_signature where fits is not null").await, 1);
    let walk = "alter function jobs._walk rename to _walk_away";
    db.run(walk).await;
    db.run("select jobs.publish('t', '{\"args\": [7]}')").await;
    let (state, _) = db.refusal("select jobs.publish('t', '{\"args\": [true]}')").await;
    assert_eq!(state, "42883", "it is walked when no predicate takes it");
}

/// A predicate has no budget of its own: what is too large for it is walked for a while.
#[tokio::test]
async fn a_large_body_of_a_long_predicate_is_looked_at_for_a_while() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let items = json!({"type": "array", "items": tagged(40)});
    declare(&db, &of_one("many", &items)).await;
    let fine = |count: usize| {
        (0..count).map(|n| json!({"kind": format!("v{}", n % 40), "a": n})).collect::<Vec<_>>()
    };
    let unfit = || vec![json!({"kind": "v0", "a": "x"})];
    let body = |parts: [Vec<Value>; 2]| json!({"args": [parts.concat()]});
    let publish = async |bodies: Vec<Value>| {
        let begun = Instant::now();
        let call = "select jobs.publish_arrays('{many}', $1, null, null, null, null, null)";
        let said = sqlx::query(call).bind(bodies).execute(&db.pool).await;
        (said.is_ok(), begun.elapsed())
    };
    let begins = publish(vec![body([unfit(), fine(33_000)])]).await;
    println!("a large one that begins unfit: {begins:?}");
    assert!(!begins.0 && begins.1 < lateness.allow(Duration::from_secs(8)), "{begins:?}: it is walked");
    let ends = publish(vec![body([fine(33_000), unfit()])]).await;
    println!("one that ends unfit: {ends:?}");
    assert!(ends.0 && ends.1 < lateness.allow(Duration::from_secs(8)), "{ends:?}: the worker decides");
    let (ok, took) = publish(vec![body([fine(33_000), fine(0)]); 10]).await;
    println!("ten of them: {took:?}");
    assert!(ok && took < lateness.allow(Duration::from_secs(30)), "{ok} {took:?}");
    // Together too much, and each by itself quickly told.
    let small =
        (0..2000).map(|n| body(if n == 7 { [unfit(), fine(3)] } else { [fine(300), fine(0)] })).collect();
    let (ok, took) = publish(small).await;
    println!("2000 small ones: {took:?}");
    assert!(!ok && took < lateness.allow(Duration::from_secs(30)), "{ok} {took:?}: looked at in their order");
}

/// Numbers of 131,000 digits take 12 bytes where they are stored.
#[tokio::test]
async fn numbers_that_nobody_can_be_sent_are_refused_quickly() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    db.run("create table n as select jsonb_agg(1e131000::numeric) as n from generate_series(1, 3000)").await;
    for (field, value) in [
        (
            "params",
            "jsonb_build_array(jsonb_build_object('name', 'a', 'type', 'T', 'required', true, 'n', n))",
        ),
        ("args_schema", "jsonb_build_object('enum', n || n || n)"),
        ("result_schema", "jsonb_build_object('enum', n)"),
        ("doc", "to_jsonb(repeat('x', 100000000))"),
        ("aliases", "jsonb_build_array(repeat('x', 100000000))"),
    ] {
        let call = format!(
            "select jobs.register_tasks(jsonb_build_array('{{\"name\": \"t\", \"args_schema\": true, \"result_schema\": true, \"retries\": 3, \"timeout\": 60, \"priority\": 0}}'::jsonb
             || jsonb_build_object('{field}', {value}))) from n"
        );
        let begun = Instant::now();
        let (state, message) = db.refusal(&call).await;
        println!("{field}: {:?} {state} {message:.200}", begun.elapsed());
        assert!(state == "PT413" && message.len() < 500, "{field}: {state} {message:.500}");
        assert!(begun.elapsed() < lateness.allow(Duration::from_secs(10)), "{field}: {:?}", begun.elapsed());
    }
}

/// Names and aliases meet by key: their product would be 4 million.
#[tokio::test]
async fn declaring_many_aliases_is_linear() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    let tasks: Value = (0..200)
        .map(|n| {
            let mut task = of_one(&format!("t.n{n}"), &json!(true))[0].clone();
            task["aliases"] = (0..100).map(|a| format!("alias.n{n}.{a}")).collect();
            task
        })
        .collect();
    let took = declare(&db, &tasks).await;
    println!("200 tasks with 100 aliases each: {took:?}");
    assert!(took < lateness.allow(Duration::from_secs(10)), "{took:?}");
}

/// Workers of another program may have as many tasks as they like.
#[tokio::test]
async fn counting_workers_does_not_compare_each_task_with_each() {
    let lateness = Lateness::watch();
    let db = Db::new().await;
    db.run(
        "select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{}', (select array_agg('other.' || g) from generate_series(1, 20000) g), 1, 3600)
         from generate_series(1, 3);
         select jobs.register_worker('00000000-0000-7000-8000-000000000000', 'h', 1, 'v', '{}', (select array_agg('mine.' || g) from generate_series(1, 5000) g), 1, 3600);
         select jobs.register_worker(gen_random_uuid(), 'h', 1, 'v', '{}', (select array_agg('x.' || g) || '{mine.7}'::text[] from generate_series(1, 20) g), 1, 3600)",
    )
    .await;
    let begun = Instant::now();
    let alive: i32 =
        db.one("select alive from jobs.count_workers('00000000-0000-7000-8000-000000000000')").await;
    println!("against 60,000 names of others: {:?}", begun.elapsed());
    assert_eq!(alive, 2, "itself, and one that shares a single task");
    assert!(begun.elapsed() < lateness.allow(Duration::from_secs(2)), "{:?}", begun.elapsed());
}
