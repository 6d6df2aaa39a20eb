//! The SQL layer of pgjobs: schema `jobs`, and the code that brings it up to date.
//!
//! - `versions/`: types and tables, and the few functions that these need, numbered. A released file never changes. sqlx's migrator applies the
//!   missing ones in order and records them in `jobs.schema_migrations`, so that they collide neither with each
//!   other nor with the application's own sqlx migrations.
//! - `functions/`: functions, views and grants, created or replaced as a whole whenever their text or the
//!   release changed; never over those of a newer release. `jobs.schema_functions` records which are there.
//!
//! Both happen in one transaction. Most programs call `pgjobs::migrate` and never this crate.

macro_rules! files {
    ($folder:literal: $($name:literal)*) => {
        &[$($crate::Migration { name: $name, sql: include_str!(concat!($folder, "/", $name, ".sql")) }),*]
    };
}

mod apply;
mod functions;

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::SqlStr;
use sqlx::migrate::{Migration as SqlxMigration, MigrationType};

pub use apply::{Busy, Error, apply, pending};

const TABLE: &str = "jobs.schema_migrations";

/// The tables that record what was applied; the first as sqlx creates it.
const MAKE_TABLES: &str = "\
create table if not exists jobs.schema_migrations (
  version bigint primary key, description text not null, installed_on timestamptz not null default now(),
  success boolean not null, checksum bytea not null, execution_time bigint not null
);
create table if not exists jobs.schema_functions (
  only_row boolean primary key default true check (only_row), release text not null, checksum bytea not null,
  views bytea not null, served_roles name[] not null, installed_on timestamptz not null default now()
);
";

/// Checks that run before anything is changed.
const CONDITIONS: &str = include_str!("conditions.sql");

/// Notes which objects the schema has, so that grants are made and revoked for new ones only.
const NOTE_OBJECTS: &str = include_str!("note_objects.sql");

const VERSIONS: &[Migration] = files!("versions":
    "0001_original"
    "0002_settings"
    "0003_jobs"
    "0004_tasks"
    "0005_workers"
    "0006_types"
    "0007_adopt_original"
    "0008_schedules"
    "0009_audit"
    "0010_command"
    "0011_progress"
    "0012_operations"
    "0013_pause"
    "0014_event"
    "0015_slo"
    "0016_dashboard"
    "0017_rollup"
    "0018_limits" "0019_workflows"
    "0020_steps"
    "0021_server_state"
    "0022_large_workflows"
    "0023_result_states"
);

/// A clock that tests can set: SQL to run in a test database, as the owner of schema `jobs`.
pub const TEST_CLOCK: &str = include_str!("testing/clock.sql");

/// One step of bringing the schema up to date, as shown to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The name of its file, or `functions`.
    pub name: &'static str,
    /// Its source.
    pub sql: &'static str,
}

/// Every step of an installation, in order.
pub fn steps() -> Vec<Migration> {
    VERSIONS.iter().copied().chain([functions::step()]).collect()
}

/// The numbered files, as sqlx's migrator applies them.
fn versions() -> Vec<SqlxMigration> {
    VERSIONS
        .iter()
        .zip(1..)
        .map(|(file, version)| {
            let (name, kind) = (Cow::Borrowed(file.name), MigrationType::Simple);
            SqlxMigration::new(version, name, kind, SqlStr::from_static(file.sql), false)
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

/// An installation as one SQL script that also records itself, for people who apply it themselves.
///
/// Run it as a whole in an empty database, for example with `psql --single-transaction`; a later [`apply`] then
/// finds nothing to do. It begins with the checks, and changes nothing when they fail.
pub fn script() -> String {
    let mut sql = format!(
        "{SCRIPT_SETTINGS}\n{CONDITIONS}\n{ledger}\n\
         do $$ begin if pg_catalog.to_regnamespace('jobs') is null then create schema jobs; end if; end $$;\n\
         {MAKE_TABLES}\n{NOT_INSTALLED}\n{NOTE_OBJECTS}",
        ledger = ledger(),
    );
    for file in versions() {
        let _ = write!(
            sql,
            "\n-- {name}\n{body}\n\
             insert into jobs.schema_migrations (version, description, success, checksum, execution_time)\n\
             values ({version}, '{name}', true, '\\x{checksum}', -1);\n",
            version = file.version,
            name = file.description,
            body = file.sql.as_str().trim_end(),
            checksum = hex(&file.checksum),
        );
    }
    let _ = write!(sql, "\n{}\n{}", functions::step().sql, functions::record());
    sql
}

/// Refuses a database where pgjobs is installed: there the script would stop at an object that exists.
const NOT_INSTALLED: &str = "\
do $$ begin
  if exists (select from jobs.schema_migrations) then
    raise sqlstate 'PT412' using message = 'this script was applied to this database before',
      hint = '`pgjobs migrate --dry-run` lists what is missing, and `pgjobs migrate` applies it';
  end if;
end $$;
";

/// Refuses a database whose `jobs.schema_migrations` does not match an existing schema (PT412): a row is
/// missing, or is of a migration that failed, or of another build's file. Then it is unknown what the schema
/// lacks.
pub(crate) fn ledger() -> String {
    let known: Vec<String> =
        versions().iter().map(|m| format!("({}, '\\x{}'::bytea)", m.version, hex(&m.checksum))).collect();
    LEDGER.replace("KNOWN", &known.join(", "))
}

const LEDGER: &str = include_str!("ledger.sql");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_without_gaps() {
        for (file, number) in VERSIONS.iter().zip(1..) {
            assert!(file.name.starts_with(&format!("{number:04}_")), "{}", file.name);
        }
    }

    #[test]
    fn every_file_is_in_a_list() {
        for (folder, files) in [("versions", VERSIONS), ("functions", functions::FILES)] {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/").to_owned() + folder;
            let mut found: Vec<String> = std::fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
                .collect();
            found.sort();
            assert_eq!(found, files.iter().map(|file| file.name).collect::<Vec<_>>());
        }
    }

    /// The server of a database in another encoding must be able to read the files, to refuse them with a
    /// message.
    #[test]
    fn what_is_sent_is_ascii() {
        let others = [("conditions", CONDITIONS), ("ledger", LEDGER), ("note_objects", NOTE_OBJECTS)];
        let sent = steps().into_iter().map(|step| (step.name, step.sql)).chain(others);
        for (name, sql) in sent {
            let strange: Vec<char> = sql.chars().filter(|letter| !letter.is_ascii()).collect();
            assert!(strange.is_empty(), "{name}: {strange:?}");
        }
    }
}
