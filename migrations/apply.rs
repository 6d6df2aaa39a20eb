//! Brings schema `jobs` up to date while others use it.

use std::fmt;
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::{CONDITIONS, MAKE_TABLES, Migration, NOTE_OBJECTS, TABLE, VERSIONS, functions, ledger, versions};

/// Why the schema could not be brought up to date. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The database, or the content of its schema `jobs`, does not meet the conditions: SQLSTATE `PT412`,
    /// with a hint.
    Refused(sqlx::Error),
    /// Other transactions locked what a migration needs for too long.
    Busy(Busy),
    /// A migration failed, or the database could not be queried.
    Failed(MigrateError),
}

/// What a migration waited for, and how long.
#[derive(Debug)]
pub struct Busy {
    /// A description for people.
    pub what: String,
    /// The time waited.
    pub waited: Duration,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "waited {} s for {}", self.waited.as_secs(), self.what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(error) => write!(f, "{error}"),
            Error::Busy(busy) => write!(f, "{busy}; end that, or migrate when less is going on"),
            Error::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<MigrateError> for Error {
    fn from(error: MigrateError) -> Self {
        Error::Failed(error)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if code(&error).as_deref() == Some("PT412") {
            return Error::Refused(error);
        }
        Error::Failed(MigrateError::Execute(error))
    }
}

/// Settings of a role or database that could stop a migration or change the meaning of its statements. The
/// first is set separately, before the others, because it could stop them.
const SETTINGS: [&str; 2] = [
    "set statement_timeout = 0",
    "select set_config(s.name, v.value, false)
     from (values ('lock_timeout', '0'), ('idle_in_transaction_session_timeout', '0'), ('idle_session_timeout', '0'),
             ('transaction_timeout', '0'), ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'),
             ('default_transaction_deferrable', 'off'), ('search_path', 'pg_catalog, pg_temp'), ('standard_conforming_strings', 'on'),
             ('array_nulls', 'on'), ('transform_null_equals', 'off'), ('row_security', 'on'), ('check_function_bodies', 'on'),
             ('datestyle', 'ISO, MDY'), ('intervalstyle', 'postgres'), ('timezone', 'UTC'), ('jit', 'off'),
             ('default_tablespace', ''), ('default_table_access_method', 'heap'), ('quote_all_identifiers', 'off')) v(name, value)
       join pg_catalog.pg_settings s on lower(s.name) = v.name",
];

pub(crate) async fn pin_settings(connection: &mut PgConnection) -> Result<(), Error> {
    for setting in SETTINGS {
        connection.execute(setting).await?;
    }
    Ok(())
}

/// Applies the missing steps and returns them, in order; nothing when the schema is up to date.
///
/// Safe when many processes start at once: one migrates, in one transaction, and the others wait and find
/// nothing to do. They wait for a lock on `jobs.schema_migrations`, which only roles that may write it can
/// take. Leaves a schema newer than this version alone. Changes settings of the session, so give it a
/// separate connection.
///
/// # Errors
/// The reason why the schema cannot be brought up to date; then nothing was changed.
pub async fn apply(connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
    pin_settings(connection).await?;
    let mut patience = Patience::new();
    loop {
        match try_to_apply(connection).await {
            Err(Attempt::GaveWay(to)) => patience.wait(connection, to).await?,
            Err(Attempt::Failed(error)) => return Err(error),
            Ok(applied) => return Ok(applied),
        }
    }
}

/// How an attempt that applied nothing ended.
enum Attempt {
    GaveWay(To),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Attempt {
    fn from(error: E) -> Self {
        let error = error.into();
        let Error::Failed(MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = &error
        else {
            return Attempt::Failed(error);
        };
        // A lock was not available in time, waiting for it was a deadlock, or somebody changed the grants of a
        // function meanwhile.
        match code(cause).as_deref() {
            Some("55P03" | "40P01") => Attempt::GaveWay(To::Transactions),
            Some("XX000") if cause.to_string().contains("concurrently updated") => {
                Attempt::GaveWay(To::Transactions)
            }
            _ => Attempt::Failed(error),
        }
    }
}

#[derive(Clone, Copy)]
enum To {
    Migration,
    Transactions,
}

/// Applies everything in one transaction that gives way to others.
///
/// While a transaction waits for a table's ACCESS EXCLUSIVE lock, everybody who comes after it waits too; and
/// if it already has another such lock, it may deadlock with a worker. So a migration waits for half a second
/// and no longer, which is less than the server by default waits before it checks for deadlocks
/// (`deadlock_timeout`); then it lets the others through and tries again.
async fn try_to_apply(connection: &mut PgConnection) -> Result<Vec<Migration>, Attempt> {
    if pending(connection).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut transaction = connection.begin().await?;
    transaction.execute("set local lock_timeout = '500ms'").await?;
    if !take_turn(&mut transaction).await? {
        return Err(Attempt::GaveWay(To::Migration));
    }
    let missing = not_applied(&mut transaction).await?;
    let mut migrator = Migrator::with_migrations(versions());
    migrator.dangerous_set_table_name(TABLE);
    migrator.set_ignore_missing(true);
    migrator.set_locking(false); // sqlx uses an advisory lock, which any role of the server may take
    migrator.run_direct(None, &mut *transaction, false).await?;
    if functions::are_missing(&mut transaction).await? {
        functions::apply(&mut transaction, missing.len() > 1).await?;
    }
    transaction.commit().await?;
    Ok(missing)
}

/// Creates the schema and the table of its migrations if they are missing, and locks the table; false when
/// another process is migrating. Repeats the checks, now that nobody else can interfere.
async fn take_turn(transaction: &mut PgConnection) -> Result<bool, Attempt> {
    let ledger = ledger();
    for statement in [
        "do $$ begin if pg_catalog.to_regnamespace('jobs') is null then create schema jobs; end if; end $$",
        CONDITIONS,
        MAKE_TABLES,
        "lock table jobs.schema_migrations in share row exclusive mode",
        &ledger,
        NOTE_OBJECTS,
    ] {
        if let Err(error) = transaction.execute(AssertSqlSafe(statement.to_owned())).await {
            // The lock was not available in time, or the object was created meanwhile.
            let another = ["55P03", "40P01", "23505", "42P06", "42P07"];
            return match code(&error) {
                Some(code) if another.contains(&code.as_str()) => Ok(false),
                _ => Err(error.into()),
            };
        }
    }
    Ok(true)
}

/// Returns what [`apply`] would apply; changes nothing but settings of the session.
///
/// # Errors
/// When the database cannot be asked, or [`apply`] would refuse it.
pub async fn pending(connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
    // A superuser checks the conditions before it reads anything untrusted, even the table of migrations.
    let careful: bool = sqlx::query_scalar("select pg_catalog.current_setting('is_superuser') = 'on'")
        .fetch_one(&mut *connection)
        .await?;
    if careful {
        connection.execute(CONDITIONS).await?;
    }
    let pending = not_applied(connection).await?;
    if !pending.is_empty() && !careful {
        connection.execute(CONDITIONS).await?;
    }
    Ok(pending)
}

async fn not_applied(connection: &mut PgConnection) -> Result<Vec<Migration>, Error> {
    let installed = "select exists (
        select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
          join pg_catalog.pg_attribute a on a.attrelid = c.oid
        where n.nspname = 'jobs' and c.relname = 'schema_migrations' and c.relkind = 'r' and a.attname = 'checksum')";
    if !sqlx::query_scalar::<_, bool>(installed).fetch_one(&mut *connection).await? {
        return Ok(crate::steps());
    }
    connection.execute(AssertSqlSafe(ledger())).await?;
    let newest: i64 = sqlx::query_scalar("select coalesce(max(version), 0) from jobs.schema_migrations")
        .fetch_one(&mut *connection)
        .await?;
    let mut missing: Vec<Migration> = VERSIONS[VERSIONS.len().min(newest as usize)..].to_vec();
    if functions::are_missing(connection).await? {
        missing.push(functions::step());
    }
    Ok(missing)
}

/// How long a migration gives way to others.
struct Patience {
    started: Instant,
    said: Instant,
}

impl Patience {
    fn new() -> Self {
        let now = Instant::now();
        Patience { started: now, said: now }
    }

    /// Waits a little, and logs now and then what it waits for.
    async fn wait(&mut self, connection: &mut PgConnection, to: To) -> Result<(), Error> {
        let limit = match to {
            To::Migration => Duration::from_secs(3600), // it may be taking over a large database
            To::Transactions => Duration::from_secs(120),
        };
        let waited = self.started.elapsed();
        if waited > limit {
            return Err(Error::Busy(Busy { what: in_the_way(connection, to).await?, waited }));
        }
        if self.said.elapsed() > Duration::from_secs(5) {
            self.said = Instant::now();
            let what = in_the_way(connection, to).await?;
            tracing::warn!(waited_s = waited.as_secs(), "the migration of schema jobs waits for {what}");
        }
        connection.execute("select pg_catalog.pg_sleep(0.1)").await?;
        Ok(())
    }
}

async fn in_the_way(connection: &mut PgConnection, to: To) -> Result<String, sqlx::Error> {
    let pids: Option<String> = sqlx::query_scalar(
        "select string_agg(distinct l.pid::text, ', ')
         from pg_catalog.pg_locks l
           join pg_catalog.pg_class c on c.oid = l.relation
           join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'jobs' and l.granted and l.pid <> pg_catalog.pg_backend_pid()",
    )
    .fetch_one(connection)
    .await?;
    let whose = match to {
        To::Migration => "another process that migrates it",
        To::Transactions => "transactions that use its tables",
    };
    Ok(format!("{whose} (server processes {})", pids.as_deref().unwrap_or("unknown")))
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
