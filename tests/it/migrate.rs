//! Bringing the schema up to date.

use pgjobs_tests::Db;

#[tokio::test]
async fn twenty_processes_may_migrate_at_once() {
    let db = Db::empty().await;
    let migrations: Vec<_> = (0..20)
        .map(|_| {
            let options = db.options();
            tokio::spawn(async move {
                let pool = sqlx::PgPool::connect_with(options).await.unwrap();
                pgjobs::migrate(&pool).await.map(|steps| steps.len())
            })
        })
        .collect();
    let mut applied = Vec::new();
    for migration in migrations {
        applied.push(migration.await.unwrap().unwrap());
    }
    applied.sort_unstable();
    let all = pgjobs::migrations::pending(&db.pool).await.unwrap().len() + applied[19];
    assert_eq!(applied[..19], [0; 19], "one does the work");
    assert!(all > 0 && applied[19] == all);
}

#[tokio::test]
async fn it_says_what_is_missing_and_changes_nothing_by_that() {
    let db = Db::empty().await;
    let pending = pgjobs::migrations::pending(&db.pool).await.unwrap();
    assert_eq!(pending.first().map(|step| step.name), Some("0001_original"));
    assert!(!db.one::<bool>("select exists (select 1 from pg_namespace where nspname = 'jobs')").await);
    pgjobs::migrate(&db.pool).await.unwrap();
    assert!(pgjobs::migrations::pending(&db.pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn it_stays_out_of_the_way_of_the_applications_own_migrations() {
    let db = Db::empty().await;
    db.run(
        "create table _sqlx_migrations (version bigint primary key); insert into _sqlx_migrations values (1)",
    )
    .await;
    pgjobs::migrate(&db.pool).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from _sqlx_migrations").await, 1);
    assert_eq!(
        db.one::<i64>(
            "select count(*) from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn the_printed_script_is_the_same_as_migrating() {
    let (by_hand, migrated) = (Db::empty().await, Db::new().await);
    let script = pgjobs::migrations::script();
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&by_hand.pool).await.unwrap();
    assert!(pgjobs::migrations::pending(&by_hand.pool).await.unwrap().is_empty(), "it records itself");
    pgjobs::migrate(&by_hand.pool).await.unwrap();
    let schema = "select string_agg(x, E'\\n' order by x) from (
        select 'column ' || attrelid::regclass || '.' || attname || ' ' || atttypid::regtype as x from pg_attribute a join pg_class c on c.oid = attrelid
          where relnamespace = 'jobs'::regnamespace and attnum > 0
        union all select 'function ' || oid::regprocedure || md5(pg_get_functiondef(oid)) from pg_proc where pronamespace = 'jobs'::regnamespace and prokind = 'f'
        union all select 'index ' || indexdef from pg_indexes where schemaname = 'jobs'
        union all select 'grant ' || relname || coalesce(relacl::text, '') from pg_class where relnamespace = 'jobs'::regnamespace) s";
    assert_eq!(by_hand.one::<String>(schema).await, migrated.one::<String>(schema).await);
}

#[tokio::test]
async fn the_python_clients_migrator_finds_nothing_to_do() {
    let db = Db::new().await;
    assert_eq!(db.all::<i32>("select migration from jobs.migrations").await, [1]);
}

#[tokio::test]
async fn a_worker_without_a_schema_says_what_to_run() {
    let db = Db::empty().await;
    let error = pgjobs::NewJob::named("a").publish(&db.pool).await.unwrap_err();
    assert!(error.to_string().contains("run `pgjobs migrate`"), "{error}");
}

#[tokio::test]
async fn it_installs_as_a_user_who_may_not_make_roles() {
    let db = Db::empty().await;
    db.run(
        "do $$ begin create role plain_installer login; exception when duplicate_object then null; end $$",
    )
    .await;
    db.run("grant create on schema public to plain_installer").await;
    let name: String = db.one("select current_database()::text").await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("grant create on database {name} to plain_installer")))
        .execute(&db.pool)
        .await
        .unwrap();
    let pool = sqlx::PgPool::connect_with(db.options().username("plain_installer")).await.unwrap();
    pgjobs::migrate(&pool).await.unwrap();
    pgjobs::NewJob::named("a").publish(&pool).await.unwrap();
    assert_eq!(db.one::<i64>("select count(*) from jobs.all").await, 1);
}

/// An upgrade replaces functions and keeps what an administrator granted or revoked; what it makes gets its grants.
#[tokio::test]
async fn functions_of_an_older_release_are_replaced_and_their_grants_stay() {
    let db = Db::new().await;
    let of_now = "select provolatile::text from pg_proc where oid = 'jobs.now'::regproc";
    db.run(
        "revoke usage on schema jobs from jobs_reader; revoke execute on all functions in schema jobs from jobs_reader;
         revoke execute on function jobs.ack from jobs_worker; grant execute on function jobs.count to public;
         create or replace function jobs.now() returns timestamptz language sql stable return pg_catalog.now();
         drop function jobs.topic_grants();
         update jobs.schema_functions set release = '0.2.9'",
    )
    .await;
    let names =
        |steps: Vec<pgjobs::migrations::Migration>| steps.iter().map(|step| step.name).collect::<Vec<_>>();
    assert_eq!(names(pgjobs::migrations::pending(&db.pool).await.unwrap()), ["functions"]);
    assert_eq!(names(pgjobs::migrate(&db.pool).await.unwrap()), ["functions"]);
    assert_eq!(db.one::<String>(of_now).await, "v", "replaced");
    assert_eq!(
        db.all::<bool>(
            "select has_function_privilege(role, f::regprocedure, 'execute')
             from (values ('jobs_worker', 'jobs.ack(varchar, jsonb, uuid)'), ('jobs_publisher', 'jobs.count(text, text, bigint)'),
                     ('jobs_admin', 'jobs.topic_grants()'), ('jobs_publisher', 'jobs.topic_grants()')) g(role, f)"
        )
        .await,
        [false, true, true, false]
    );
    assert!(!db.one::<bool>("select has_schema_privilege('jobs_reader', 'jobs', 'usage')").await);
    assert!(!db.one::<bool>("select has_function_privilege('jobs_reader', 'jobs.now()', 'execute')").await);
    assert!(pgjobs::migrations::pending(&db.pool).await.unwrap().is_empty());
}

/// While two releases run side by side, a worker of the older one that starts does not turn functions back.
#[tokio::test]
async fn functions_of_a_newer_release_stay() {
    let db = Db::new().await;
    db.run("update jobs.schema_functions set release = '0.10.1', checksum = ''").await;
    assert!(pgjobs::migrate(&db.pool).await.unwrap().is_empty());
    assert_eq!(db.one::<String>("select release from jobs.schema_functions").await, "0.10.1");
}

/// Functions are replaced beside transactions that stay open: only what changed of the views would wait for them.
#[tokio::test]
async fn functions_are_replaced_beside_open_transactions() {
    let db = Db::new().await;
    db.run("select jobs.publish('a'); update jobs.schema_functions set checksum = ''").await;
    let mut session = db.connect().await;
    for read in [
        "begin",
        "select * from jobs.running",
        "select * from jobs.consume('a', 1)",
        "select * from jobs.all",
    ] {
        sqlx::query(read).execute(&mut session).await.unwrap();
    }
    let migrated = tokio::time::timeout(std::time::Duration::from_secs(60), pgjobs::migrate(&db.pool)).await;
    assert_eq!(migrated.expect("it waits for nobody").unwrap().len(), 1);
    sqlx::query("commit").execute(&mut session).await.unwrap();
}
