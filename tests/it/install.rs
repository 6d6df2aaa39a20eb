//! Installing where others have been before: into schemas, settings and rights that we did not make.

use pgjobs::Error;
use pgjobs_tests::{Db, amount};
use sqlx::postgres::{PgConnectOptions, PgPool};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// A role of the server, with no rights but to connect; roles outlive a test's database, so each test names its own.
async fn role(db: &Db, name: &str) -> PgConnectOptions {
    db.run(&format!(
        "do $$ begin create role {name} login; exception when duplicate_object or unique_violation then null; end $$"
    ))
    .await;
    let database: String = db.one("select current_database()::text").await;
    db.run(&format!(
        "revoke all on database {database} from public; revoke all on schema public from public"
    ))
    .await;
    db.run(&format!("grant connect on database {database} to {name}")).await;
    db.options().username(name)
}

async fn migrate(options: &PgConnectOptions) -> Result<usize, Error> {
    let pool = PgPool::connect_with(options.clone()).await.expect("connect");
    let migrated = pgjobs::migrate(&pool).await.map(|steps| steps.len());
    pool.close().await;
    migrated
}

/// What each of the three ways says: `migrate`, `--dry-run`, and the printed script. All the same, and nothing is left behind.
async fn refusal(db: &Db, options: &PgConnectOptions) -> String {
    let before: Option<String> = db.one(CONTENT).await;
    let Err(Error::Refused { code, message, hint }) = migrate(options).await else { panic!("refused") };
    assert_eq!(code, "PT412");
    let pool = PgPool::connect_with(options.clone()).await.expect("connect");
    let dry = pgjobs::migrations::pending(&pool).await.expect_err("a dry run").to_string();
    assert!(dry.contains(&message), "{dry}");
    let script = sqlx::raw_sql(AssertSqlSafe(pgjobs::migrations::script())).execute(&pool).await;
    let by_hand = script.expect_err("the script").to_string();
    assert!(by_hand.contains(&message), "{by_hand}");
    assert_eq!(db.one::<Option<String>>(CONTENT).await, before, "nothing was touched");
    pool.close().await;
    format!("{message}; {}", hint.expect("a remedy"))
}

/// Everything in schema `jobs` with its rights.
const CONTENT: &str = "select string_agg(x, ' ' order by x) from (
    select relname || coalesce(relacl::text, '') as x from pg_class where relnamespace = to_regnamespace('jobs')
    union all select proname || coalesce(proacl::text, '') from pg_proc where pronamespace = to_regnamespace('jobs')
    union all select nspname || coalesce(nspacl::text, '') from pg_namespace where nspname = 'jobs') o";

const WORKS: &str = "select jobs.publish('a'); select jobs.ack(job_id) from jobs.consume(1); select jobs.maintain_partitions()";

#[tokio::test]
async fn an_administrator_makes_the_schema_for_a_role_that_may_not() {
    for (name, make) in [
        ("install_owner", "create schema jobs authorization install_owner"),
        ("install_guest", "create schema jobs; grant all on schema jobs to install_guest"),
    ] {
        let db = Db::empty().await;
        let options = role(&db, name).await;
        let refused = refusal(&db, &options).await;
        assert!(refused.contains("may not create the schema jobs"), "{refused}");
        assert!(refused.contains(&format!("create schema jobs authorization {name}")), "{refused}");
        db.run(make).await;
        assert!(migrate(&options).await.expect("migrate") > 0);
        assert_eq!(migrate(&options).await.expect("again"), 0);
        let mut session = sqlx::PgConnection::connect_with(&options).await.unwrap();
        session.execute(WORKS).await.unwrap();
    }
    let db = Db::empty().await;
    let options = role(&db, "install_owner").await;
    db.run("create schema jobs authorization install_owner").await;
    let mut session = sqlx::PgConnection::connect_with(&options).await.unwrap();
    session.execute(AssertSqlSafe(pgjobs::migrations::script())).await.expect("the script");
    session.execute(WORKS).await.unwrap();
    let again = session.execute(AssertSqlSafe(pgjobs::migrations::script())).await.expect_err("refused");
    assert!(again.to_string().contains("was applied to this database before"), "{again}");
}

#[tokio::test]
async fn a_schema_jobs_of_the_application_stays_as_it_is() {
    let db = Db::empty().await;
    db.run(
        "create schema jobs; grant usage on schema jobs to public; create table jobs.listing (id serial primary key, title text);
         grant select on jobs.listing to public; create view jobs.open_ones as select * from jobs.listing;
         create type jobs.colour as enum ('red');
         create function jobs.search(t text) returns setof jobs.listing language sql stable as 'select * from jobs.listing where title like t'",
    )
    .await;
    let refused = refusal(&db, &db.options()).await;
    for name in [
        "table jobs.listing",
        "function jobs.search(text)",
        "view jobs.open_ones",
        "type jobs.colour",
        "rename",
    ] {
        assert!(refused.contains(name), "{name}: {refused}");
    }
}

#[tokio::test]
async fn tables_of_the_originals_names_are_not_taken_for_the_originals() {
    for (sql, named) in [
        ("create table jobs.job (id int)", "table jobs.job"),
        (
            "create table jobs.migrations (name text); create table jobs.job (id int); create table jobs.job_queue (id int)",
            "table jobs.job_queue",
        ),
        (
            "create table jobs.schema_migrations (version bigint primary key, dirty boolean)",
            "table jobs.schema_migrations",
        ),
        ("create table jobs.config (checksum text); create table jobs.other ()", "table jobs.other"),
    ] {
        let db = Db::empty().await;
        db.run(&format!("create schema jobs; {sql}")).await;
        let refused = refusal(&db, &db.options()).await;
        assert!(refused.contains(named), "{refused}");
    }
}

/// Functions of schema jobs run as whoever installs: nobody else may have a hand in it.
#[tokio::test]
async fn a_planted_schema_makes_nobody_a_superuser() {
    let table = "create table jobs.schema_migrations (version bigint primary key, description text not null,
        installed_on timestamptz not null default now(), success boolean not null, checksum bytea not null, execution_time bigint not null);
        create table jobs.config (a int)";
    for (as_superuser, as_stranger, words) in [
        (
            "create schema jobs authorization install_mallory",
            "select 1",
            "the schema itself (of install_mallory)",
        ),
        (
            "create schema jobs authorization install_mallory",
            table,
            "table jobs.schema_migrations (of install_mallory)",
        ),
        (
            "create schema jobs; grant create, usage on schema jobs to install_mallory",
            "select 1",
            "others may create objects in the schema jobs: install_mallory",
        ),
        (
            "create schema jobs; grant create on schema jobs to public",
            "select 1",
            "revoke create on schema jobs from public",
        ),
        (
            "create schema jobs; grant create, usage on schema jobs to install_mallory",
            "create function jobs._refuse() returns int language sql as 'select 1'",
            "function jobs._refuse() (of install_mallory)",
        ),
    ] {
        let db = Db::empty().await;
        let stranger = role(&db, "install_mallory").await;
        db.run(as_superuser).await;
        let mut session = sqlx::PgConnection::connect_with(&stranger).await.unwrap();
        session.execute(as_stranger).await.unwrap();
        let refused = refusal(&db, &db.options()).await;
        assert!(refused.contains(words), "{words}: {refused}");
    }
    // Up to date or not, a superuser runs nothing of a stranger's.
    let db = Db::empty().await;
    let stranger = role(&db, "install_mallory").await;
    db.run("create schema jobs authorization install_mallory").await;
    migrate(&stranger).await.expect("as its owner");
    let Err(Error::Refused { message, .. }) = migrate(&db.options()).await else { panic!("refused") };
    assert!(message.contains("install_mallory"), "{message}");
}

#[tokio::test]
async fn a_database_in_another_encoding_is_refused_in_words() {
    for encoding in ["LATIN1", "SQL_ASCII", "WIN1252"] {
        let db = Db::empty().await;
        let name = format!("encoded_{}", encoding.to_lowercase());
        db.run(&format!("drop database if exists {name}")).await;
        db.run(&format!(
            "create database {name} encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0"
        ))
        .await;
        let options = db.options().database(&name);
        let Err(Error::Refused { message, hint, .. }) = migrate(&options).await else { panic!("refused") };
        assert!(message.contains(encoding) && message.contains("needs UTF8") && hint.is_some(), "{message}");
        let mut session = sqlx::PgConnection::connect_with(&options).await.unwrap();
        let left = "select to_regnamespace('jobs') is not null";
        assert!(!sqlx::query_scalar::<_, bool>(left).fetch_one(&mut session).await.unwrap());
    }
}

/// Hidden rows look like no rows: a worker would wait for ever.
#[tokio::test]
async fn forced_row_security_is_said() {
    let db = Db::empty().await;
    let options = role(&db, "install_secured").await;
    db.run("create schema jobs authorization install_secured").await;
    migrate(&options).await.unwrap();
    assert!(db.all::<String>("select * from jobs.unusable()").await.is_empty());
    db.run("alter table jobs.pending enable row level security").await;
    assert!(db.all::<String>("select * from jobs.unusable()").await.is_empty(), "not of the owner");
    db.run("alter table jobs.pending force row level security").await;
    let said = db.all::<String>("select * from jobs.unusable()").await;
    assert!(
        said.len() == 1
            && said[0].contains("jobs.pending")
            && said[0].contains("no force row level security"),
        "{said:?}"
    );
}

/// What people set on roles and databases, at its most unpleasant.
const SETTINGS: &[&[&str]] = &[
    &["lock_timeout = '200ms'"],
    &["statement_timeout = '300ms'"],
    &["idle_in_transaction_session_timeout = '100ms'", "idle_session_timeout = '2s'"],
    &["default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on"],
    &["default_transaction_isolation = 'repeatable read'", "search_path = 'nowhere'"],
    &[
        "default_transaction_read_only = on",
        "standard_conforming_strings = off",
        "array_nulls = off",
        "transform_null_equals = on",
    ],
    &[
        "datestyle = 'German'",
        "intervalstyle = 'iso_8601'",
        "timezone = 'Asia/Kolkata'",
        "row_security = off",
        "check_function_bodies = off",
    ],
    &["default_tablespace = 'pg_default'", "quote_all_identifiers = on", "client_min_messages = error"],
    &["plpgsql.extra_errors = 'all'", "plpgsql.variable_conflict = 'use_variable'"],
    &["session_replication_role = 'replica'", "bytea_output = 'escape'", "extra_float_digits = -15"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_migrate_at_once_under_any_settings() {
    // In `cargo test` a few settings at once, of which no two are about the same; with the feature `soak` each alone.
    let groups = amount(4, 100) as usize;
    for group in 0..groups.min(SETTINGS.len()) {
        let settings = SETTINGS.iter().skip(group).step_by(groups).copied().flatten().collect::<Vec<_>>();
        let db = Db::empty().await;
        let name = format!("install_hurried_{group}");
        db.run(&format!("do $$ begin create role {name} login superuser; exception when duplicate_object then null; end $$")).await;
        for setting in &settings {
            db.run(&format!("alter role {name} set {setting}")).await;
        }
        let options = db.options().username(&name);
        let migrations: Vec<_> = (0..8)
            .map(|_| {
                let options = options.clone();
                tokio::spawn(async move { migrate(&options).await })
            })
            .collect();
        let mut applied = Vec::new();
        for migration in migrations {
            applied.push(migration.await.unwrap().unwrap_or_else(|error| panic!("{settings:?}: {error}")));
        }
        assert_eq!(applied.iter().filter(|steps| **steps > 0).count(), 1, "{settings:?}: one does the work");
        db.run(WORKS).await;
    }
}

/// sqlx's own lock is an advisory one, which any role of the server may take.
#[tokio::test]
async fn nobody_can_keep_a_migration_waiting_who_may_do_nothing() {
    let db = Db::empty().await;
    let options = role(&db, "install_nobody").await;
    let database: String = db.one("select current_database()::text").await;
    let mut stranger = sqlx::PgConnection::connect_with(&options).await.unwrap();
    let key = 0x3d32_ad9e_i64.wrapping_mul(i64::from(crc32(database.as_bytes())));
    stranger.execute(AssertSqlSafe(format!("select pg_advisory_lock({key})"))).await.unwrap();
    pgjobs::migrate(&db.pool).await.unwrap();
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

/// The script pins what `migrate` pins.
#[tokio::test]
async fn the_printed_script_installs_where_tables_go_elsewhere() {
    let db = Db::empty().await;
    let database: String = db.one("select current_database()::text").await;
    db.run(&format!("alter database {database} set default_tablespace = 'pg_default'")).await;
    let mut session = sqlx::PgConnection::connect_with(&db.options()).await.unwrap();
    session.execute(AssertSqlSafe(pgjobs::migrations::script())).await.expect("the script");
    session.execute(WORKS).await.unwrap();
}

/// What it lacks cannot be told of a schema whose table of migrations was changed by hand.
#[tokio::test]
async fn a_table_of_migrations_that_tells_lies_is_refused_in_words() {
    for (change, words) in [
        ("delete from jobs.schema_migrations", "has no row of migration 1: what it lacks cannot be told"),
        ("delete from jobs.schema_migrations where version in (2, 4)", "has no row of migration 2, 4:"),
        (
            "update jobs.schema_migrations set success = false where version = 3",
            "migration 3 did not succeed",
        ),
        (
            "update jobs.schema_migrations set checksum = '\\x00' where version = 5",
            "migration 5 was applied here by another build",
        ),
    ] {
        let db = Db::new().await;
        db.run(change).await;
        let refused = refusal(&db, &db.options()).await;
        assert!(refused.contains(words), "{change}: {refused}");
    }
    let db = Db::new().await;
    db.run("insert into jobs.schema_migrations (version, description, success, checksum, execution_time) values (999, 'to come', true, '\\x00', 1)").await;
    assert_eq!(migrate(&db.options()).await.expect("newer than this program"), 0);
}

/// A DBA's everyday lines from before: what others may do with all that a role makes. One who may set a trigger on a table of
/// ours, or call an inner function, acts as the owner.
#[tokio::test]
async fn default_privileges_give_nobody_anything() {
    let db = Db::empty().await;
    role(&db, "install_reader").await;
    db.run(
        "alter default privileges grant all on tables to install_reader; alter default privileges grant all on functions to install_reader;
         alter default privileges grant all on sequences to public",
    )
    .await;
    pgjobs::migrate(&db.pool).await.unwrap();
    db.run("do $$ begin execute 'drop table jobs.job_' || to_char((now() at time zone 'utc')::date + 2, 'YYYYMMDD'); end $$; select jobs.maintain_partitions()").await;
    let open: Vec<String> = db
        .all(
            "with acl(what, owner, acl) as (
               select c.oid::regclass::text, c.relowner, c.relacl from pg_class c where c.relnamespace = 'jobs'::regnamespace
               union all select a.attrelid::regclass || '.' || a.attname, c.relowner, a.attacl
                         from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relnamespace = 'jobs'::regnamespace
               union all select p.oid::regprocedure::text, p.proowner, p.proacl from pg_proc p where p.pronamespace = 'jobs'::regnamespace
             )
             select what || ' to ' || x.grantee::regrole from acl, aclexplode(acl.acl) x
             where x.grantee <> owner and x.grantee::regrole::text !~ '^jobs_(publisher|worker|reader|admin)$'",
        )
        .await;
    assert_eq!(open, [""; 0]);
}
