//! The SQL layer of pgjobs: schema `jobs` as numbered migrations, and what applies them.
//!
//! The files beside this one are the source; a released one never changes. They are applied in
//! order by sqlx's migrator under an advisory lock, each in a transaction, and recorded in
//! `jobs.schema_migrations`, so that they collide neither with each other nor with the
//! application's own sqlx migrations.
//!
//! Most programs call `pgjobs::migrate` and never this crate.

use std::borrow::Cow;
use std::fmt::Write as _;

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{Executor, SqlStr};

const TABLE: &str = "jobs.schema_migrations";

const FILES: &[(i64, &str, &str)] = &[
    (1, "tables", include_str!("0001_tables.sql")),
    (2, "clock", include_str!("0002_clock.sql")),
    (3, "publish", include_str!("0003_publish.sql")),
    (4, "together", include_str!("0004_together.sql")),
    (5, "claim", include_str!("0005_claim.sql")),
    (6, "settle", include_str!("0006_settle.sql")),
    (7, "leases", include_str!("0007_leases.sql")),
    (8, "registry", include_str!("0008_registry.sql")),
    (9, "history", include_str!("0009_history.sql")),
    (10, "views", include_str!("0010_views.sql")),
    (11, "admin", include_str!("0011_admin.sql")),
    (12, "explain", include_str!("0012_explain.sql")),
    (13, "misfit", include_str!("0013_misfit.sql")),
    (14, "predicate", include_str!("0014_predicate.sql")),
    (15, "predicate_of_body", include_str!("0015_predicate_of_body.sql")),
    (16, "check", include_str!("0016_check.sql")),
    (17, "topics", include_str!("0017_topics.sql")),
    (18, "deploy", include_str!("0018_deploy.sql")),
    (19, "grants", include_str!("0019_grants.sql")),
];

/// A clock that tests may set: SQL to run in a test database, as the owner of schema `jobs`.
pub const TEST_CLOCK: &str = include_str!("testing/clock.sql");

/// One migration, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub version: i64,
    /// What it holds, in a word.
    pub name: &'static str,
    /// Its source.
    pub sql: &'static str,
}

/// Every migration of this version, in order.
pub fn steps() -> Vec<Step> {
    FILES.iter().map(|&(version, name, sql)| Step { version, name, sql }).collect()
}

fn migrations() -> Vec<Migration> {
    FILES
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                SqlStr::from_static(sql),
                false,
            )
        })
        .collect()
}

/// Applies what is missing and returns it, in order; nothing when the schema is up to date.
///
/// Safe when many processes start at once: an advisory lock lets one work and the others wait and
/// find nothing to do. A schema newer than this version is left alone. The lock belongs to the
/// session, so give it a connection of its own and drop that when the call fails.
///
/// # Errors
/// The migration that failed and why; those before it are applied, it and those after are not.
pub async fn apply(connection: &mut sqlx::PgConnection) -> Result<Vec<Step>, MigrateError> {
    connection.lock().await?;
    let before = pending(connection).await?;
    if !before.is_empty() {
        let mut migrator = Migrator::with_migrations(migrations());
        migrator.dangerous_set_table_name(TABLE);
        migrator.create_schema("jobs");
        migrator.set_ignore_missing(true);
        migrator.set_locking(false); // held here, around the look as well
        run_giving_way(&migrator, connection).await?;
    }
    connection.unlock().await?;
    Ok(before)
}

/// Tries of a migration that gives way to others, about half a second each: two minutes in all.
const TRIES: u32 = 200;

/// Runs the migrations while others work in the schema.
///
/// Who waits for a table's strongest lock holds up everybody who comes after, and one who holds another
/// such lock meanwhile may wait in a circle with a worker. So a migration waits for half a second and no
/// longer, which is less than the server takes to look for circles, lets the others through, and tries again.
async fn run_giving_way(
    migrator: &Migrator,
    connection: &mut sqlx::PgConnection,
) -> Result<(), MigrateError> {
    connection.execute("set lock_timeout = '500ms'").await?;
    let mut tries = 1;
    let outcome = loop {
        match migrator.run_direct(None, &mut *connection, false).await {
            Err(error) if gave_way(&error) && tries < TRIES => tries += 1,
            outcome => break outcome,
        }
        connection.execute("select pg_sleep(0.1)").await?;
    };
    connection.execute("reset lock_timeout").await?;
    outcome
}

/// A lock was not to be had in time, or its waiting closed a circle.
fn gave_way(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "55P03" || code == "40P01")
}

/// What [`apply`] would apply; changes nothing.
///
/// # Errors
/// When the database cannot be asked.
pub async fn pending(connection: &mut sqlx::PgConnection) -> Result<Vec<Step>, MigrateError> {
    let applied: bool = sqlx::query_scalar("select to_regclass('jobs.schema_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if !applied {
        return Ok(steps());
    }
    let newest: i64 = sqlx::query_scalar("select coalesce(max(version), 0) from jobs.schema_migrations")
        .fetch_one(connection)
        .await?;
    Ok(steps().into_iter().filter(|step| step.version > newest).collect())
}

/// The steps as one SQL script that also records them, for people who apply it themselves.
///
/// Run it in one go, for example with `psql --single-transaction`; a later [`apply`] then finds
/// nothing to do.
pub fn script(steps: &[Step]) -> String {
    let mut sql = String::from(
        "create schema if not exists jobs;\n\
         create table if not exists jobs.schema_migrations (\n  \
           version bigint primary key, description text not null, installed_on timestamptz not null default now(),\n  \
           success boolean not null, checksum bytea not null, execution_time bigint not null\n);\n",
    );
    for migration in migrations().iter().filter(|m| steps.iter().any(|s| s.version == m.version)) {
        let checksum: String = migration.checksum.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
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
}
