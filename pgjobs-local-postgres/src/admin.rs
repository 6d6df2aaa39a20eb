use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, postgres::PgConnectOptions};

use super::{
    Database, LocalPostgres,
    error::{LocalPostgresError, Result},
};

/// How long a clone waits until no session is connected to the template, and a drop until none that it may
/// not end is connected to the database.
const SESSIONS_LIMIT: Duration = Duration::from_secs(15);
const OBJECT_IN_USE: &str = "55006";
const MAY_NOT: &str = "42501";

impl LocalPostgres {
    /// Creates an empty database.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the name is taken or the server cannot be reached.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let server = LocalPostgres::start().await?;
    /// server.create_database("shop").await?;
    /// println!("psql '{}'", server.url("shop"));
    /// # Ok(()) }
    /// ```
    pub async fn create_database(&self, name: &str) -> Result<()> {
        create(&self.options(), name).await
    }

    /// Creates a database that starts as a copy of another.
    ///
    /// Tests migrate one database and give each test a clone of it, which costs a few hundredths of a second.
    /// Any number of clones may be made at once. No session may be connected to the template; this waits for
    /// a session that is about to end.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the name is taken, there is no such template or
    /// a session stays connected to it.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let server = LocalPostgres::start().await?;
    /// server.create_database("migrated").await?;
    /// server.clone_database("migrated", "test_1").await?;
    /// # Ok(()) }
    /// ```
    pub async fn clone_database(&self, template: &str, name: &str) -> Result<()> {
        clone(&self.options(), template, name).await
    }

    /// Removes a database, ending its sessions; does nothing when there is none of that name.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the server refuses or cannot be reached.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// # let server = LocalPostgres::start().await?;
    /// server.drop_database("test_1").await?;
    /// # Ok(()) }
    /// ```
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        drop_by_force(&self.options(), name).await
    }
}

impl Database {
    /// Creates an empty database beside this one.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the name is taken, the role may not create databases or the
    /// server cannot be reached.
    ///
    /// ```no_run
    /// # async fn f(database: pgjobs_local_postgres::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// database.create_database("shop").await?;
    /// let pool = sqlx::PgPool::connect_with(database.options().database("shop")).await?;
    /// # Ok(()) }
    /// ```
    pub async fn create_database(&self, name: &str) -> Result<()> {
        create(&self.options(), name).await
    }

    /// Creates a database beside this one that starts as a copy of another, as
    /// [`LocalPostgres::clone_database`] does.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the name is taken, there is no such template, a session stays
    /// connected to it or the role may not create databases.
    ///
    /// ```no_run
    /// # async fn f(database: pgjobs_local_postgres::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// database.create_database("migrated").await?;
    /// database.clone_database("migrated", "test_1").await?;
    /// # Ok(()) }
    /// ```
    pub async fn clone_database(&self, template: &str, name: &str) -> Result<()> {
        clone(&self.options(), template, name).await
    }

    /// Removes a database beside this one, ending its sessions; does nothing when there is none of that name.
    ///
    /// # Errors
    /// [`LocalPostgresError::Database`] when the server refuses or cannot be reached.
    ///
    /// ```no_run
    /// # async fn f(database: pgjobs_local_postgres::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// database.drop_database("test_1").await?;
    /// # Ok(()) }
    /// ```
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        drop_by_force(&self.options(), name).await
    }
}

async fn create(server: &PgConnectOptions, name: &str) -> Result<()> {
    let sql = format!("create database {}", quoted(name));
    administer(server, format!("create database `{name}`"), sql).await
}

async fn clone(server: &PgConnectOptions, template: &str, name: &str) -> Result<()> {
    let sql = format!("create database {} template {}", quoted(name), quoted(template));
    let action = format!("clone database `{template}` into `{name}`");
    let deadline = Instant::now() + SESSIONS_LIMIT;
    loop {
        match administer(server, action.clone(), sql.clone()).await {
            // The server itself waits for some seconds before it returns this error.
            Err(error) if has_code(&error, OBJECT_IN_USE) && Instant::now() < deadline => continue,
            outcome => return outcome,
        }
    }
}

/// A session of another role cannot be ended, and autovacuum counts as one. So then it waits for those to end:
/// a drop without force cancels autovacuum, and waits some seconds itself.
async fn drop_by_force(server: &PgConnectOptions, name: &str) -> Result<()> {
    let deadline = Instant::now() + SESSIONS_LIMIT;
    loop {
        match drop_with(server, name, " with (force)").await {
            Err(error) if has_code(&error, MAY_NOT) => {}
            outcome => return outcome,
        }
        match drop_with(server, name, "").await {
            Err(error) if has_code(&error, OBJECT_IN_USE) && Instant::now() < deadline => {}
            outcome => return outcome,
        }
    }
}

async fn drop_with(server: &PgConnectOptions, name: &str, how: &str) -> Result<()> {
    let sql = format!("drop database if exists {}{how}", quoted(name));
    administer(server, format!("drop database `{name}`"), sql).await
}

/// Opens a connection for each statement, so that none remains that could block a later clone.
async fn administer(server: &PgConnectOptions, action: String, sql: String) -> Result<()> {
    let work = async {
        let mut connection = server.connect().await?;
        // Names cannot be bound as parameters; `quoted` has made them safe.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    };
    work.await.map_err(|source| LocalPostgresError::Database { action, source })
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn has_code(error: &LocalPostgresError, code: &str) -> bool {
    let LocalPostgresError::Database { source, .. } = error else {
        return false;
    };
    source.as_database_error().is_some_and(|error| error.code().as_deref() == Some(code))
}
