//! What the registry stores has its limits, field by field: it is read by everybody who lists tasks or workers.

use pgjobs_tests::Db;
use serde_json::{Value, json};

/// A declaration with one field changed, or left out where the value is absent.
fn with(field: &str, value: Option<Value>) -> Value {
    let mut task = json!({
        "name": "t", "aliases": [], "doc": "", "args_schema": {"type": "object"}, "result_schema": true, "retries": 3, "timeout": 60,
        "priority": 0, "keep": "all", "params": [], "extra_kwargs": false, "validate": "strict", "limits": [],
    });
    let fields = task.as_object_mut().unwrap();
    match value {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.remove(field),
    };
    task
}

async fn declare(db: &Db, tasks: &Value) -> Result<(), (String, String, String)> {
    let called = sqlx::query("select jobs.register_tasks($1)").bind(tasks).execute(&db.pool).await;
    let Err(error) = called else { return Ok(()) };
    let error = error.into_database_error().expect("the server's word");
    let error = error.downcast::<sqlx::postgres::PgDatabaseError>();
    Err((error.code().to_owned(), error.message().to_owned(), error.hint().unwrap_or_default().to_owned()))
}

fn long(length: usize) -> Value {
    json!("x".repeat(length))
}

/// For each field what is at its limits, and what is beyond them.
fn fields() -> Vec<(&'static str, Vec<Value>, Vec<Value>)> {
    let name = |name: Value| json!([{"name": name, "type": "T", "required": true}]);
    let large = |bytes: usize| json!({"description": "x".repeat(bytes)});
    let odd = || vec![json!(null), json!(true), json!("x"), json!([[1]]), json!({"a": 1})];
    let names = |bad: fn(Value) -> Value| {
        [json!(""), long(201), json!("a\u{1b}[2Jb"), json!("a\nb"), json!(7), json!(null)].map(bad).to_vec()
    };
    vec![
        ("name", vec![long(200), json!("ä.ö")], names(|name| name)),
        (
            "aliases",
            vec![
                json!(null),
                json!([]),
                json!((0..100).map(|n| n.to_string()).collect::<Vec<_>>()),
                json!([long(200)]),
            ],
            [
                names(|name| json!(["fine", name])),
                vec![
                    json!("a"),
                    json!({}),
                    json!([["a"], ["b"]]),
                    json!((0..101).map(|n| n.to_string()).collect::<Vec<_>>()),
                ],
            ]
            .concat(),
        ),
        ("doc", vec![json!(null), long(65_536)], vec![long(65_537), json!(7), json!(["x"])]),
        (
            "args_schema",
            vec![json!(true), json!({}), large(1_000_000)],
            vec![json!(null), json!("x"), json!(7), json!([]), large(1_048_576)],
        ),
        (
            "result_schema",
            vec![json!(false), large(1_000_000)],
            vec![json!(null), json!([]), large(1_048_576)],
        ),
        (
            "retries",
            vec![json!(1), json!(1000)],
            [vec![json!(0), json!(-5), json!(1001), json!(1e30), json!(1.5), json!("3")], odd()].concat(),
        ),
        (
            "timeout",
            vec![json!(0.01), json!(604_800)],
            [vec![json!(0), json!(-1), json!(604_801), json!(1e300), json!(0.001)], odd()].concat(),
        ),
        (
            "priority",
            vec![json!(i32::MIN), json!(i32::MAX)],
            [vec![json!(2_147_483_648_i64), json!(-2_147_483_649_i64), json!(0.5), json!(1e300)], odd()]
                .concat(),
        ),
        ("keep", vec![json!(null), json!("failed")], vec![json!("some"), json!(1), json!(["all"])]),
        (
            "params",
            vec![
                json!(null),
                json!(
                    (0..1000)
                        .map(|n| json!({"name": format!("p{n}"), "type": "", "required": false}))
                        .collect::<Vec<_>>()
                ),
            ],
            [
                vec![
                    json!(""),
                    name(json!("")),
                    name(json!("a\u{7}b")),
                    name(json!("a\u{9b}b")),
                    name(json!(1)),
                    name(json!(null)),
                ],
                vec![json!({}), json!([1]), json!([{}]), json!([{"name": "a", "type": "T"}])],
                vec![json!(
                    (0..1001)
                        .map(|n| json!({"name": format!("p{n}"), "type": "", "required": false}))
                        .collect::<Vec<_>>()
                )],
                vec![name(long(1_048_576))],
            ]
            .concat(),
        ),
        (
            "limits",
            vec![
                json!(null),
                json!([]),
                json!((0..20).map(|n| json!({"name": format!("l{n}"), "max": 1})).collect::<Vec<_>>()),
            ],
            vec![
                json!("x"),
                json!({}),
                json!([1]),
                json!([{}]),
                json!([{"name": 1, "max": 1}]),
                json!((0..21).map(|n| json!({"name": format!("l{n}"), "max": 1})).collect::<Vec<_>>()),
            ],
        ),
        ("extra_kwargs", vec![json!(null), json!(true)], vec![json!("true"), json!(1)]),
        ("validate", vec![json!(null), json!("off")], vec![json!("loose"), json!(false)]),
    ]
}

#[tokio::test]
async fn every_field_of_a_task_has_its_limits_and_says_them() {
    let db = Db::new().await;
    for (field, fine, bad) in fields() {
        for value in fine {
            declare(&db, &json!([with(field, Some(value.clone()))]))
                .await
                .unwrap_or_else(|said| panic!("{field}: {said:?}"));
        }
        for value in bad {
            let said =
                declare(&db, &json!([with("name", Some(json!("fine"))), with(field, Some(value.clone()))]))
                    .await;
            let what = format!("{field} = {:.60}", value.to_string());
            let (state, message, hint) = said.expect_err(&what);
            assert!(matches!(&*state, "PT400" | "PT413"), "{what}: {state} {message}");
            assert!(
                message.contains(field) && hint.contains("nothing of this call was declared"),
                "{what}: {message} {hint}"
            );
            assert!(message.len() < 600 && !message.contains(char::is_control), "{what}: {message:?}");
        }
    }
    for required in ["name", "args_schema", "result_schema", "retries", "timeout", "priority"] {
        assert_eq!(
            declare(&db, &json!([with(required, None)])).await.expect_err(required).0,
            "PT400",
            "{required}"
        );
    }
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.task where name = 'fine'").await,
        0,
        "all or nothing"
    );
}

/// It may be a setting under the name of another version, which would keep its default without a word.
#[tokio::test]
async fn a_key_that_is_no_field_of_a_task_is_refused_by_name() {
    let db = Db::new().await;
    for (key, value) in
        [("check", json!("off")), ("open", json!(null)), ("Retries", json!(5)), ("", json!({}))]
    {
        let said = declare(&db, &json!([with("name", Some(json!("fine"))), with(key, Some(value))])).await;
        let (state, message, hint) = said.expect_err(key);
        assert_eq!(state, "PT400", "{message}");
        assert!(message.starts_with(&format!("task 't' (2 of 2): unknown key '{key}': ")), "{message}");
        assert!(message.contains("validate") && message.contains("extra_kwargs"), "{message}");
        assert!(hint.contains("nothing of this call was declared"), "{hint}");
    }
    let (_, message, _) =
        declare(&db, &json!([with(&"x\u{1b}".repeat(300), Some(json!(1)))])).await.unwrap_err();
    assert!(message.len() < 3000 && !message.contains(char::is_control), "{message:?}");
    assert_eq!(db.one::<i64>("select count(*) from jobs.task").await, 0, "all or nothing");
    let all = fields().into_iter().map(|(field, _, _)| field);
    let every = with("name", Some(json!("t")));
    assert!(all.clone().all(|field| every.get(field).is_some()) && all.count() == 13);
    declare(&db, &json!([every])).await.expect("every key that is known");
}

#[tokio::test]
async fn a_call_and_a_task_have_theirs() {
    let db = Db::new().await;
    for (tasks, words) in [
        (json!(null), "an array of at most 10000 tasks"),
        (json!({}), "an array of at most 10000 tasks"),
        (json!([7]), "it is no object"),
        (json!([null]), "it is no object"),
        (
            json!((0..10_001).map(|n| with("name", Some(json!(n.to_string())))).collect::<Vec<_>>()),
            "an array of at most 10000 tasks",
        ),
        (
            json!([with("doc", None), with("doc", Some(json!("other")))]),
            "task 't' is declared twice in one call",
        ),
    ] {
        let (state, message, hint) = declare(&db, &tasks).await.expect_err(words);
        assert!(state == "PT400" && message.contains(words) && !hint.is_empty(), "{state} {message} {hint}");
    }
    for n in 0..60 {
        declare(&db, &json!([with("args_schema", Some(json!({"title": n.to_string()})))])).await.unwrap();
    }
    let signatures: Vec<String> =
        db.all("select f.args_schema->>'title' from jobs.task_signature f order by f.declared_at").await;
    assert!(signatures.len() <= 20 && signatures.last().unwrap() == "59", "{signatures:?}");
}

#[tokio::test]
async fn a_workers_registration_has_its_limits() {
    let db = Db::new().await;
    let fine = ["gen_random_uuid()", "'h'", "1", "'v'", "'{a.*}'", "'{a.b}'", "4"];
    let check = |arguments: &[&str]| format!("select jobs.register_worker({}, 30)", arguments.join(", "));
    db.run(&check(&fine)).await;
    db.run(&check(&[
        "gen_random_uuid()",
        "repeat('x', 255)",
        "0",
        "'v'",
        "'{}'",
        "array_fill('n'::text, array[100000])",
        "100000",
    ]))
    .await;
    let names = [
        "null",
        "'{null}'",
        "'{\"\"}'",
        "array[repeat('x', 201)]",
        "array[E'a\\x1b']",
        "'{{a},{b}}'",
        "array_fill('n'::text, array[100001])",
    ];
    let texts = ["null", "''", "repeat('x', 256)", "E'a\\x1b[2J'", "E'a\\nb'"];
    for (at, field, bad) in [
        (0, "worker", &["null"][..]),
        (1, "host", &texts[..]),
        (2, "pid", &["null", "-1"]),
        (3, "version", &texts[..]),
        (4, "topics", &names[..]),
        (5, "tasks", &names[..]),
        (6, "slots", &["null", "-1", "100001", "2147483647"]),
    ] {
        for value in bad {
            let mut arguments = fine;
            arguments[at] = value;
            let (state, message) = db.refusal(&check(&arguments)).await;
            assert!(
                state == "PT400" && message.contains(&format!("a worker cannot register: {field}: ")),
                "{field} = {value}: {state} {message}"
            );
        }
    }
}
