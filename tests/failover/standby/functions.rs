//! The functions of the schema.

use sqlx::{AssertSqlSafe, Row};

use super::filled;

/// Every function that clients may call and that says of itself that it only reads, with a call of it: what
/// has no default is given what the database has, or else null.
const READERS: &str = "
    select p.proname::text as name, format('select * from jobs.%I(%s)', p.proname, (
        select string_agg(format('%I => %s', a.name, case
            when a.name = 'i_job' then '(select max(job_id)::text from jobs.\"all\")'
            when a.name in ('i_jobs', 'i_ids') then 'array(select job_id::text from jobs.\"all\")'
            when a.name in ('i_task', 'i_topic') then '''mail.run'''
            when a.name in ('i_workflow', 'i_operation') then '1'
            when a.name = 'i_node' then '''n'''
            when a.name = 'i_kind' then '''retry'''
            when p.proname = 'limit_keys' and a.name = 'i_name' then '''few'''
            when a.name = 'i_cron' then '''* * * * *'''
            when a.name = 'i_state' then '''pending'''
            when a.name = 'i_name' then '''nightly'''
            else 'null' end), ', ' order by a.at)
        from unnest(p.proargnames[:p.pronargs]) with ordinality a(name, at) where a.at <= p.pronargs - p.pronargdefaults)) as call
    from pg_proc p
    where p.pronamespace = 'jobs'::regnamespace and p.prokind = 'f' and p.provolatile in ('s', 'i') and p.proname !~ '^_'
    order by 1";

/// These too only read, and are volatile for another reason.
const VOLATILE: [&str; 4] = [
    "select jobs.now()",
    "select jobs.get((select max(job_id) from jobs.\"all\"))",
    "select * from jobs.find('failed')",
    "select * from jobs.\"all\"",
];

#[tokio::test]
async fn every_function_that_only_reads_works_on_a_standby() {
    let (cluster, _primary) = filled().await;
    let calls = sqlx::query(READERS).fetch_all(&cluster.other).await.unwrap();
    let mut calls: Vec<String> = calls.iter().map(|row| row.get("call")).collect();
    assert!(calls.len() > 40, "{calls:?}");
    calls.extend(VOLATILE.map(str::to_owned));
    let mut wrong = Vec::new();
    for call in calls {
        if let Err(error) = sqlx::raw_sql(AssertSqlSafe(call.clone())).fetch_all(&cluster.other).await {
            let code =
                error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned();
            // The lease of the call is none, which it says after it has looked.
            if !(code == "PT400" && call.contains("jobs.heartbeat(")) {
                wrong.push(format!("{call}: {error} ({code})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn no_table_of_the_schema_is_missing_on_a_standby() {
    let (cluster, _primary) = filled().await;
    let unlogged = "select relname::text from pg_class where relnamespace = 'jobs'::regnamespace and relpersistence <> 'p'";
    let unlogged: Vec<String> = sqlx::query_scalar(unlogged).fetch_all(&cluster.other).await.unwrap();
    assert_eq!(unlogged, Vec::<String>::new(), "a standby cannot read what is not in the log");
}
