//! The SQL layer of pgjobs: schema `jobs` as numbered migrations, and the code that applies them.
//!
//! The files next to this one are the source; a released one never changes. sqlx's migrator applies them in
//! order in one transaction and records them in `jobs.schema_migrations`, so that they collide neither with
//! each other nor with the application's own sqlx migrations.
//!
//! Most programs call `pgjobs::migrate` and never this crate.

mod apply;

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::SqlStr;
use sqlx::migrate::{Migration as SqlxMigration, MigrationType};

pub use apply::{Busy, Error, apply, pending};

const TABLE: &str = "jobs.schema_migrations";

/// The table of migrations, as sqlx creates it.
const MAKE_TABLE: &str = "\
create table if not exists jobs.schema_migrations (
  version bigint primary key, description text not null, installed_on timestamptz not null default now(),
  success boolean not null, checksum bytea not null, execution_time bigint not null
);
";

/// Checks that run before anything is changed.
const CONDITIONS: &str = include_str!("conditions.sql");

const FILES: &[(i64, &str, &str)] = &[
    (1, "tables", include_str!("0001_tables.sql")),
    (2, "clock", include_str!("0002_clock.sql")),
    (3, "publish", include_str!("0003_publish.sql")),
    (4, "packed", include_str!("0004_packed.sql")),
    (5, "claim", include_str!("0005_claim.sql")),
    (6, "settle", include_str!("0006_settle.sql")),
    (7, "leases", include_str!("0007_leases.sql")),
    (8, "registry", include_str!("0008_registry.sql")),
    (9, "history", include_str!("0009_history.sql")),
    (10, "views", include_str!("0010_views.sql")),
    (11, "admin", include_str!("0011_admin.sql")),
    (12, "explain", include_str!("0012_explain.sql")),
    (13, "schema_errors", include_str!("0013_schema_errors.sql")),
    (14, "predicate", include_str!("0014_predicate.sql")),
    (15, "predicate_of_body", include_str!("0015_predicate_of_body.sql")),
    (16, "validation", include_str!("0016_validation.sql")),
    (17, "topics", include_str!("0017_topics.sql")),
    (18, "deploy", include_str!("0018_deploy.sql")),
    (19, "grants", include_str!("0019_grants.sql")),
];

/// A clock that tests can set: SQL to run in a test database, as the owner of schema `jobs`.
pub const TEST_CLOCK: &str = include_str!("testing/clock.sql");

/// One migration, as shown to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// Its contents in short.
    pub name: &'static str,
    /// Its source.
    pub sql: &'static str,
}

/// Every migration of this version, in order.
pub fn steps() -> Vec<Migration> {
    FILES.iter().map(|&(version, name, sql)| Migration { version, name, sql }).collect()
}

fn migrations() -> Vec<SqlxMigration> {
    FILES
        .iter()
        .map(|&(version, name, sql)| {
            SqlxMigration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                SqlStr::from_static(sql),
                false,
            )
        })
        .collect()
}

/// For the script: overrides settings of a role or database that would stop it or change its meaning.
const SCRIPT_SETTINGS: &str = "\
set local statement_timeout = 0;
set local lock_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
set local array_nulls = on;
set local transform_null_equals = off;
set local row_security = on;
set local datestyle = 'ISO, MDY';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local default_tablespace = '';
set local default_table_access_method = 'heap';
set local quote_all_identifiers = off;
set local check_function_bodies = on;
";

/// The steps as one SQL script that also records them, for people who apply it themselves.
///
/// Run it as a whole, for example with `psql --single-transaction`; a later [`apply`] then finds nothing to
/// do. It begins with the checks, and changes nothing when they fail.
pub fn script(steps: &[Migration]) -> String {
    let mut sql = format!(
        "{SCRIPT_SETTINGS}\n{CONDITIONS}\n{ledger}\n\
         do $$ begin if pg_catalog.to_regnamespace('jobs') is null then create schema jobs; end if; end $$;\n\
         {MAKE_TABLE}{not_applied}",
        ledger = ledger(),
        not_applied = not_applied(steps),
    );
    for migration in migrations().iter().filter(|m| steps.iter().any(|s| s.version == m.version)) {
        let checksum = hex(&migration.checksum);
        let _ = write!(
            sql,
            "\n-- {version:04} {name}\n{body}\n\
             insert into jobs.schema_migrations (version, description, success, checksum, execution_time)\n\
             values ({version}, '{name}', true, '\\x{checksum}', -1);\n",
            version = migration.version,
            name = migration.description,
            body = migration.sql.as_str().trim_end(),
        );
    }
    sql
}

/// Refuses a database whose `jobs.schema_migrations` does not match an existing schema (PT412): a row is
/// missing, or is of a migration that failed, or of another build's file. Then it is unknown what the schema
/// lacks.
pub(crate) fn ledger() -> String {
    let known: Vec<String> =
        migrations().iter().map(|m| format!("({}, '\\x{}'::bytea)", m.version, hex(&m.checksum))).collect();
    LEDGER.replace("KNOWN", &known.join(", "))
}

const LEDGER: &str = include_str!("ledger.sql");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Refuses a database that has some of these steps already: there the script would stop at an object that
/// they created.
fn not_applied(steps: &[Migration]) -> String {
    let versions: Vec<String> = steps.iter().map(|step| step.version.to_string()).collect();
    format!(
        "\ndo $$ begin
  if exists (select from jobs.schema_migrations m where m.version in ({})) then
    raise sqlstate 'PT412' using message = 'this script was applied to this database before',
      hint = '`pgjobs migrate --dry-run` lists what is missing, and `pgjobs migrate` applies it';
  end if;
end $$;\n",
        if versions.is_empty() { "null".to_owned() } else { versions.join(", ") }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_without_gaps() {
        assert!(FILES.iter().zip(1..).all(|((version, ..), expected)| *version == expected));
    }

    #[test]
    fn the_script_records_every_step() {
        let script = script(&steps());
        assert_eq!(script.matches("insert into jobs.schema_migrations").count(), FILES.len());
    }

    /// The server of a database in another encoding must be able to read the files, to refuse them with a
    /// message.
    #[test]
    fn what_is_sent_is_ascii() {
        let sent = FILES
            .iter()
            .map(|&(_, name, sql)| (name, sql))
            .chain([("conditions", CONDITIONS), ("ledger", LEDGER)]);
        for (name, sql) in sent {
            let strange: Vec<char> = sql.chars().filter(|letter| !letter.is_ascii()).collect();
            assert!(strange.is_empty(), "{name}: {strange:?}");
        }
    }
}
