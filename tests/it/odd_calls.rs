//! Whatever a worker or a publisher hands to any function of schema `jobs`, it answers, or refuses it as wrong input
//! (PTxyz, class 22): no internal error, no constraint as the only guard, and no call that does not end.

use pgjobs_tests::Db;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::sessions::{as_role, role};

/// Every argument of every function that these roles may call: the function, its arguments with their types, and which
/// have no default.
const FUNCTIONS: &str = "
    select p.proname::text as name, array(select format_type(t, null) from unnest(p.proargtypes) t) as types,
      p.proargnames[:p.pronargs] as names, (p.pronargs - p.pronargdefaults)::integer as required, p.oid::regprocedure::text as signature
    from pg_proc p
    where p.pronamespace = 'jobs'::regnamespace and p.pronargs > 0
      and (has_function_privilege('jobs_worker', p.oid, 'execute') or has_function_privilege('jobs_publisher', p.oid, 'execute'))
    order by p.oid::regprocedure::text";

/// What is odd of a type, as SQL.
fn odd(ty: &str) -> Vec<&'static str> {
    match ty {
        "text" | "character varying" => {
            vec!["null", "''", "repeat('x', 2000000)", "E'\\x1b[2J\\n'", "'%\\'", "'jobs'", "'1'"]
        }
        "jsonb" => vec![
            "null",
            "'null'",
            "'{}'",
            "'[]'",
            "'7'",
            "'\"x\"'",
            "'[null]'",
            "'[[]]'",
            "'[{}]'",
            "'{\"a\": [1e300]}'",
            "'[{\"task\": 7, \"name\": 7, \"aliases\": 7}]'",
            "(repeat('[', 6000) || repeat(']', 6000))::jsonb",
            "(select jsonb_agg(n) from generate_series(1, 200000) n)",
            "to_jsonb(repeat('x', 2000000))",
        ],
        "text[]" | "character varying[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "'{\"\"}'",
            "'[5:6]={a,b}'",
            "'{{a,b},{c,d}}'",
            "'{a,null,b}'",
            "array[repeat('x', 2000000)]",
            "array_fill('x'::text, array[20001])",
            "'{pending,success,retry}'",
        ],
        "jsonb[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "'[5:6]={1,2}'",
            "'{{1,2},{3,4}}'",
            "array_fill('{}'::jsonb, array[20001])",
            "array[to_jsonb(repeat('x', 2000000))]",
        ],
        "uuid[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "array_fill(gen_random_uuid(), array[2], array[5])",
            "array_fill(gen_random_uuid(), array[2, 2])",
            "array_fill(gen_random_uuid(), array[20001])",
        ],
        "integer[]" | "bigint[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "'[5:6]={1,2}'",
            "'{{1,2},{3,4}}'",
            "'{-1,2147483647,-2147483648}'",
            "array_fill(1, array[20001])",
        ],
        "double precision[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "'[5:6]={1,2}'",
            "'{{1,2},{3,4}}'",
            "'{NaN}'",
            "'{Infinity}'",
            "'{-Infinity}'",
            "'{1e308}'",
            "'{-5}'",
        ],
        "timestamp with time zone[]" => vec![
            "null",
            "'{}'",
            "'{null}'",
            "'[5:5]={2030-01-01}'",
            "'{{2030-01-01}}'",
            "'{infinity}'",
            "'{294276-12-31}'",
            "'{\"4713-01-01 BC\"}'",
        ],
        "boolean[]" => vec!["null", "'{}'", "'{null}'", "'[5:5]={t}'", "'{{t}}'", "'{f,f,f}'"],
        "jobs.bulk_job[]" => vec![
            "null",
            "'{}'",
            "array[null]::jobs.bulk_job[]",
            "array[row(null, null, null, null, null, null)]::jobs.bulk_job[]",
            "array_fill(row('a', null, null, null, null, null)::jobs.bulk_job, array[2, 2])",
            "array_fill(row('a', null, null, null, null, null)::jobs.bulk_job, array[2], array[5])",
        ],
        "integer" => vec!["null", "0", "-1", "2147483647", "-2147483648"],
        "bigint" => vec!["null", "0", "-1", "9223372036854775807", "-9223372036854775808"],
        "numeric" => vec!["null", "0", "-1", "'NaN'", "'1e1000'", "'1e-1000'"],
        "double precision" => vec!["null", "0", "-1", "'NaN'", "'Infinity'", "1e308"],
        "timestamp with time zone" => {
            vec!["null", "'infinity'", "'-infinity'", "'294276-12-31'", "'4713-01-01 BC'"]
        }
        "interval" => vec!["null", "'0'", "'-1 s'", "'1 month'", "'178000000 years'", "'1e-6 s'"],
        "boolean" => vec!["null", "false", "true"],
        "uuid" => vec!["null", "gen_random_uuid()"],
        "name" => vec!["null", "''", "'postgres'"],
        other => panic!("what is odd of {other}?"),
    }
}

/// What is plain of a type, for the arguments beside the odd one.
fn plain(ty: &str) -> &'static str {
    match ty {
        "text" | "character varying" => "'a'",
        "jsonb" => "'[]'",
        "text[]" | "character varying[]" => "'{a}'",
        "jsonb[]" => "'{\"{}\"}'",
        "integer" | "bigint" | "numeric" | "double precision" => "5",
        "uuid" => "'00000000-0000-7000-8000-000000000000'",
        "uuid[]" => "'{00000000-0000-7000-8000-000000000000}'",
        "integer[]" | "bigint[]" => "'{1}'",
        "double precision[]" => "'{1}'",
        "boolean" => "true",
        "boolean[]" => "'{t}'",
        "jobs.bulk_job[]" => "'{}'",
        _ => "null",
    }
}

/// The calls of one function: each argument odd in each way, the others plain, or left out where they may be.
fn calls(name: &str, types: &[String], names: &[String], required: usize) -> Vec<String> {
    let mut calls = Vec::new();
    for (odd_at, odd_type) in types.iter().enumerate() {
        for value in odd(odd_type) {
            let arguments: Vec<String> = types
                .iter()
                .enumerate()
                .filter(|(at, _)| *at == odd_at || *at < required)
                .map(|(at, ty)| {
                    let value = if at == odd_at { value } else { plain(ty) };
                    format!("{} => {value}::{ty}", names[at])
                })
                .collect();
            calls.push(format!("select * from jobs.{name}({})", arguments.join(", ")));
        }
    }
    calls
}

async fn refusal(session: &mut PgConnection, call: &str) -> Option<String> {
    let said = sqlx::query(AssertSqlSafe(call.to_owned())).fetch_all(&mut *session).await;
    session.execute("rollback; begin").await.unwrap();
    let Err(error) = said else { return None };
    let Some(error) = error.as_database_error() else { return Some(format!("{call}: {error}")) };
    let code = error.code().unwrap_or_default();
    // P0001 is the original's word for a job that is not running; 54001 a nesting that no stack holds.
    let is_known = code.starts_with("PT") || code.starts_with("22") || matches!(&*code, "P0001" | "54001");
    let length = error.message().len();
    let is_long = length > 3000;
    (!is_known || is_long).then(|| format!("{call:.300}: {code}, {length} bytes: {:.300}", error.message()))
}

#[tokio::test]
async fn odd_input_is_answered_or_refused_and_never_an_internal_error() {
    let db = Db::new().await;
    role(&db, "odd_worker", "jobs_worker").await;
    db.run("select jobs.publish('a') from generate_series(1, 3); select count(*) from jobs.consume(1)").await;
    let mut session = as_role(&db, "odd_worker").await;
    session.execute("set statement_timeout = '20s'; begin").await.unwrap();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for row in sqlx::query(FUNCTIONS).fetch_all(&db.pool).await.unwrap() {
        let (name, types, names): (String, Vec<String>, Vec<String>) =
            (row.get("name"), row.get("types"), row.get("names"));
        for call in calls(&name, &types, &names, usize::try_from(row.get::<i32, _>("required")).unwrap()) {
            tried += 1;
            wrong.extend(refusal(&mut session, &call).await);
        }
    }
    println!("{tried} calls");
    assert!(tried > 400, "{tried}: too few to be all");
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
}

/// People read messages on terminals and in logs.
#[tokio::test]
async fn no_message_holds_a_character_that_acts() {
    let db = Db::new().await;
    db.run("create role \"odd\u{202e}role\"; drop role \"odd\u{202e}role\"; update jobs.config set unknown_task = 'reject'").await;
    let name = "x\u{1b}[31m\u{202e}y\u{2028}z";
    for call in [
        r#"select jobs.publish_json('[{"task": "a", "k\u001b[31m\u202ey\u2028z": 1}]')"#.to_owned(),
        "select jobs.publish('x\u{202e}y\u{2028}z')".to_owned(),
        "select jobs.publish_arrays('{x\u{202e}y\u{2028}z}', '{1}', null, null, null, null, null)".to_owned(),
        format!("select jobs.explain('{name}')"),
        format!("select jobs.ack('{name}', null)"),
        format!("select jobs.own_task('{name}', current_user)"),
        format!("select jobs.grant_topic('{name}', 'a')"),
        r#"select jobs.register_tasks('[{"name": "x\u202ey\u2028z", "args_schema": 1}]')"#.to_owned(),
    ] {
        let (code, message) = db.refusal(&call).await;
        assert!(message.contains("\\u{202e}") && message.contains("\\u{2028}"), "{call}: {code} {message}");
        assert!(!message.contains(['\u{1b}', '\u{202e}', '\u{2028}']), "{call}: {code} {message}");
    }
}

/// What JSON writes with a point is a number of another kind for what reads it next.
#[tokio::test]
async fn a_count_with_a_point_is_refused_by_name() {
    let db = Db::new().await;
    for (field, value) in [("retries", "3.0"), ("priority", "1.00")] {
        let mut task = serde_json::json!({"name": "t", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}).to_string();
        task = task.replace(
            &format!("\"{field}\":{}", if field == "retries" { "3" } else { "0" }),
            &format!("\"{field}\":{value}"),
        );
        let (code, message) = db.refusal(&format!("select jobs.register_tasks('[{task}]')")).await;
        assert!(
            code == "PT400" && message.starts_with("task 't' (1 of 1): ") && message.contains(field),
            "{code} {message}"
        );
    }
}
