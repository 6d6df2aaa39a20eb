//! What holds for every function and every table of the schema, the ones to come included.

use std::time::Duration;

use pgjobs_tests::Db;

async fn nothing(db: &Db, what: &str, query: &str) {
    let found: Vec<String> = db.all(query).await;
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// A scan that is switched off still may be the only one there is; its price then is beyond what has a statement compiled.
#[tokio::test]
async fn a_function_that_pins_its_plan_is_not_compiled() {
    let db = Db::new().await;
    nothing(
        &db,
        "pin jit = off beside enable_*",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and array_to_string(proconfig, ' ') like '%enable\\_%=off%' and not coalesce('jit=off' = any (proconfig), false)",
    )
    .await;
}

/// What a caller's session has switched off makes a query dear, and what is dear is compiled: a hundred milliseconds and more. Publishing
/// looks up by key and has no query that could become dear; the rest says so.
#[tokio::test]
async fn a_public_function_that_reads_tables_is_not_compiled() {
    let db = Db::new().await;
    nothing(
        &db,
        "pin jit = off",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace and proname !~ '^_' and prokind = 'f' and prosqlbody is null
           and prosrc ~ '(from|join|update|into) +(only +)?(jobs|pg)[._][a-z_\"]+[^(a-z_]' and not coalesce('jit=off' = any (proconfig), false)
           and proname <> 'publish'",
    )
    .await;
}

/// Without it a time names no days, and every look locks all of history.
#[tokio::test]
async fn whoever_names_a_time_of_history_has_other_days_left_out() {
    let db = Db::new().await;
    nothing(
        &db,
        "pin enable_partition_pruning = on",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace and proname !~ '^_(make|prepare)_partition'
           and prosrc ~ '(from|join|update|using) +jobs\\.job +h' and prosrc ~ 'complete_on|_on_day|_weeks'
           and not coalesce('enable_partition_pruning=on' = any (proconfig), false)",
    )
    .await;
}

/// A table that is made later lies where it should, whatever the session of who makes it prefers.
#[tokio::test]
async fn whoever_makes_a_table_says_where() {
    let db = Db::new().await;
    nothing(
        &db,
        "pin default_tablespace and default_table_access_method",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace and prosrc ~* 'create table'
           and not coalesce(array_to_string(proconfig, ' ') ~ 'default_tablespace=' and 'default_table_access_method=heap' = any (proconfig), false)",
    )
    .await;
}

/// A number of rows that nobody can ask for is refused in words, or none at all.
#[tokio::test]
async fn a_negative_number_of_rows_is_refused_as_the_callers_mistake() {
    let db = Db::new().await;
    db.run("select jobs.publish('a') from generate_series(1, 3)").await;
    let calls: Vec<String> = db
        .all(
            "select format('select * from jobs.%s(%s)', p.proname, string_agg(format('%s => %s', a.name, case
                 when a.name = n.name then '-1' when a.type = 'uuid'::regtype then 'gen_random_uuid()' when a.type = 'uuid[]'::regtype then '''{}''' when a.type in ('int4'::regtype, 'int8'::regtype) then '5'
                 when a.name = 'i_state' then '''pending''' when a.name in ('i_scheduled_at', 'i_since') then '''-infinity'''
                 when a.type in ('text'::regtype, 'varchar'::regtype) then '''a''' else 'null' end), ', '))
             from pg_proc p, unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) n(name, type),
               lateral unnest(p.proargnames[:p.pronargs], p.proargtypes::oid[]) with ordinality a(name, type, at)
             where p.pronamespace = 'jobs'::regnamespace and p.proname !~ '^_' and n.type in ('int4'::regtype, 'int8'::regtype)
               and n.name in ('i_num', 'num', 'i_limit', 'i_cap', 'i_each') and (a.at <= p.pronargs - p.pronargdefaults or a.name = n.name)
             group by p.oid, p.proname, n.name order by 1",
        )
        .await;
    assert!(calls.len() > 9, "{calls:#?}");
    let mut wrong = Vec::new();
    for call in calls {
        if let Err(error) = sqlx::raw_sql(sqlx::AssertSqlSafe(call.clone())).execute(&db.pool).await {
            let code =
                error.as_database_error().and_then(sqlx::error::DatabaseError::code).unwrap_or_default();
            if code != "PT400" {
                wrong.push(format!("{call}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Names without a schema mean what the caller's search_path says. An inner function has the caller's rights and inherits the
/// search_path of the function that calls it, which spares a microsecond for each setting.
#[tokio::test]
async fn every_function_pins_its_search_path_or_qualifies_its_names() {
    let db = Db::new().await;
    nothing(
        &db,
        "pin search_path, or write the body as `return` or `begin atomic`, which is bound when it is made",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and prosqlbody is null and prokind = 'f' and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)
           and not (proname ~ '^_' and not prosecdef and proacl is not null
                    and not exists (select from aclexplode(proacl) a where a.grantee <> proowner))",
    )
    .await;
    // One that commits can pin nothing: it has the caller's rights, and calls what it calls by its full name.
    nothing(
        &db,
        "a procedure has the caller's rights, and full names",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace and prokind = 'p'
           and (prosecdef or regexp_replace(prosrc, '--[^\n]*|(perform|call) jobs[.][a-z_]+[(][)];|commit;|begin|end|\\s', '', 'g') <> '')",
    )
    .await;
    nothing(
        &db,
        "functions with rights of the owner pin their search_path",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and prosecdef and not coalesce('search_path=pg_catalog, pg_temp' = any (proconfig), false)",
    )
    .await;
}

/// With standard_conforming_strings = off a backslash in an ordinary literal is an escape.
#[tokio::test]
async fn no_function_has_a_backslash_in_an_ordinary_literal() {
    let db = Db::new().await;
    nothing(
        &db,
        "write it as E'\\\\' or without one, or pin standard_conforming_strings",
        r"select oid::regprocedure::text from pg_proc
          where pronamespace = 'jobs'::regnamespace and prosqlbody is null
            and not coalesce('standard_conforming_strings=on' = any (proconfig), false)
            and regexp_replace(regexp_replace(prosrc, '--[^\n]*', '', 'g'), 'E''([^''\\]|\\.|'''')*''', '', 'g') ~ '\\'",
    )
    .await;
}

/// Advisory keys are open to every role of the server.
#[tokio::test]
async fn no_function_takes_an_advisory_lock() {
    let db = Db::new().await;
    nothing(
        &db,
        "lock rows of private tables",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and (prosrc || coalesce(pg_get_function_sqlbody(oid), '')) ~ 'pg_(try_)?advisory'",
    )
    .await;
}

/// A full queue of notifications, which any role of the server can fill, makes the commit fail.
#[tokio::test]
async fn no_function_notifies_without_asking_whether_it_may() {
    let db = Db::new().await;
    nothing(
        &db,
        "ask jobs._may_notify",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and prosrc ~ 'pg_notify' and prosrc !~ '_may_notify'",
    )
    .await;
    let asks =
        "select pg_get_function_sqlbody('jobs._may_notify()'::regprocedure) ~ 'pg_notification_queue_usage'";
    assert!(db.one::<bool>(asks).await);
}

/// The planner expects a thousand rows where nothing is said, and compiles what it takes to be dear.
#[tokio::test]
async fn functions_for_one_job_say_that_they_return_few_rows() {
    let db = Db::new().await;
    nothing(
        &db,
        "say `rows`",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace and proname !~ '^_'
           and proretset and proargnames[1] = 'i_job' and prorows > 10",
    )
    .await;
}

/// Without one of them a publication of all tables stops updates and deletes, whatever they touch.
const NO_IDENTITY: &str = "select c.oid::regclass::text from pg_class c
    where c.relnamespace = 'jobs'::regnamespace and c.relkind in ('r', 'p')
      and not (c.relreplident = 'f' or c.relreplident = 'i'
               or c.relreplident = 'd' and exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary))";

#[tokio::test]
async fn every_table_has_a_key_or_an_identity() {
    let db = Db::with_clock().await;
    nothing(&db, "set a primary key, or replica identity full", NO_IDENTITY).await;
    db.advance(Duration::from_secs(86_400 * 3)).await;
    db.run(
        "insert into jobs.job (id, job_id, task, retries, max_retries, priority, timeout, status, created_at, complete_on, attempt)
         select g, g, 'noop', 0, 3, 0, 60, 'success', now(), jobs.now(), 1 from generate_series(1, 2000) g",
    )
    .await;
    let made: Vec<String> = db.all("select r from jobs.maintain_partitions() r").await;
    assert!(made.iter().any(|step| step.ends_with("of job_default")), "{made:?}");
    nothing(&db, "of partitions made later, too", NO_IDENTITY).await;
}

/// Who asks for ended jobs goes through the functions that leave most partitions out.
#[tokio::test]
async fn no_function_looks_for_a_job_in_all_of_history() {
    let db = Db::new().await;
    nothing(
        &db,
        "use jobs._history_of, jobs._have_ended or jobs._weeks, or name a time under plan_cache_mode = force_custom_plan",
        "select oid::regprocedure::text from pg_proc where pronamespace = 'jobs'::regnamespace
           and prosrc ~ '(from|join|update|using) +jobs\\.(job|_ended|\"all\")\\M' and prosrc !~ '(execute format|complete_on >= v_)'",
    )
    .await;
}

/// A job keeps each of its columns wherever it is stored; what one table lacks is lost on the way.
#[tokio::test]
async fn a_jobs_columns_are_the_same_wherever_it_is_stored() {
    let db = Db::new().await;
    nothing(
        &db,
        "add the column there too",
        "with columns(relation, name, type) as (
           select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) from pg_class c join pg_attribute a on a.attrelid = c.oid
           where c.relnamespace = 'jobs'::regnamespace and c.relname in ('open_job', 'pending', 'job') and a.attnum > 0 and not a.attisdropped
         )
         select format('%s lacks %s %s', s.relation, o.name, regexp_replace(o.type, '[(]32[)]', ''))
         from columns o, (values ('pending'::name), ('job')) s(relation)
         where o.relation = 'open_job' and not (s.relation = 'job' and o.name = 'ready_seq')
           and not exists (select from columns c where c.relation = s.relation and c.name = o.name and regexp_replace(c.type, '[(]32[)]', '') = o.type)",
    )
    .await;
}
