//! What PostgREST sends to the database for a call: one transaction in the caller's role, the arguments as one
//! JSON document that is taken apart by the parameters' types.

use pgjobs_tests::Db;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::sessions::role;

/// The parameters that a call may name, with the types that the gateway reads from the catalogue.
fn statement(function: &str, parameters: &[(&str, &str)]) -> String {
    let list = |form: fn(&(&str, &str)) -> String| parameters.iter().map(form).collect::<Vec<_>>().join(", ");
    let (names, types) =
        (list(|(name, _)| format!("\"{name}\"")), list(|(name, ty)| format!("\"{name}\" {ty}")));
    let passed = list(|(name, _)| format!("\"{name}\" := given.\"{name}\""));
    format!(
        "with source as (
           select answer.* from (select $1::json as payload) p,
             lateral (select {names} from json_to_record(p.payload) as g({types}) limit 1) given,
             lateral \"jobs\".\"{function}\"({passed}) answer)
         select coalesce(json_agg(s), '[]') from source s"
    )
}

async fn call(
    db: &Db,
    read_only: bool,
    function: &str,
    parameters: &[(&str, &str)],
    payload: &Value,
) -> Result<Value, String> {
    let mut connection = db.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    if read_only {
        transaction.execute("set transaction read only").await.unwrap();
    }
    let prepare = "select set_config('search_path', '\"jobs\", \"public\"', true), set_config('role', 'rest_web', true),
                   set_config('request.jwt.claims', '{\"role\": \"rest_web\"}', true), set_config('request.method', 'POST', true)";
    transaction.execute(prepare).await.unwrap();
    let answer = sqlx::query_scalar(AssertSqlSafe(statement(function, parameters)))
        .bind(payload)
        .fetch_one(&mut *transaction)
        .await;
    match answer {
        Ok(answer) => {
            transaction.commit().await.unwrap();
            Ok(answer)
        }
        Err(error) => Err(error.as_database_error().and_then(|e| e.code()).expect("a code").into_owned()),
    }
}

const TASK: (&str, &str) = ("i_task", "character varying");
const BODY: (&str, &str) = ("i_body", "jsonb");

#[tokio::test]
async fn calls_are_made_in_the_callers_role_with_named_arguments_and_defaults() {
    let db = Db::new().await;
    role(&db, "rest_web", "jobs_publisher").await;
    db.run(
        "select jobs.grant_topic('rest_web', 'mail.*'); grant execute on function jobs.result to rest_web",
    )
    .await;
    let publish = async |payload| call(&db, false, "publish", &[TASK, BODY], &payload).await;
    let job = publish(json!({"i_task": "mail.a", "i_body": {"args": [1]}})).await.unwrap();
    assert_eq!((&job[0]["task"], &job[0]["max_retries"]), (&json!("mail.a"), &json!(3)));
    assert_eq!(
        publish(json!({"i_task": "other"})).await,
        Err("PT403".to_owned()),
        "set_config says the role, as SET ROLE does"
    );
    assert_eq!(publish(json!({"i_task": ""})).await, Err("PT400".to_owned()));

    let many = json!({"i_jobs": [{"task": "mail.b", "body": {"kwargs": {"n": 1}}}, {"task": "mail.c", "priority": 2}]});
    for (function, parameter) in [("publish_json", "jsonb"), ("publish_bulk", "jobs.bulk_job[]")] {
        let jobs = call(&db, false, function, &[("i_jobs", parameter)], &many).await.unwrap();
        assert_eq!(
            (&jobs[0]["body"]["kwargs"]["n"], &jobs[1]["priority"]),
            (&json!(1), &json!(2)),
            "{function}"
        );
    }
    let id = json!({"i_job": job[0]["job_id"]});
    let state = call(&db, true, "result", &[("i_job", "character varying")], &id).await.unwrap();
    assert_eq!(state[0]["status"], "pending");
    assert_eq!(
        call(&db, true, "publish", &[TASK], &json!({"i_task": "mail.a"})).await,
        Err("25006".to_owned()),
        "a GET changes nothing"
    );
    assert_eq!(
        call(&db, false, "consume", &[("num", "integer")], &json!({"num": 1})).await,
        Err("42501".to_owned())
    );
}

/// What a gateway takes for part of a query cannot be an argument, and of functions of one name it chooses by
/// the arguments' names.
#[tokio::test]
async fn arguments_have_names_that_a_query_may_hold() {
    let db = Db::new().await;
    let clashes = "select p.proname || '.' || n from pg_proc p, unnest(p.proargnames[:p.pronargs]) n
        where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_'
          and (n in ('select', 'order', 'limit', 'offset', 'columns', 'on_conflict', 'and', 'or', 'not') or n = '')";
    assert_eq!(db.all::<String>(clashes).await, Vec::<String>::new());
    let twins = "select p.proname::text from pg_proc p where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_'
        group by p.proname, (select array_agg(n order by n) from unnest(p.proargnames[:p.pronargs]) n) having count(*) > 1";
    assert_eq!(db.all::<String>(twins).await, Vec::<String>::new());
}
