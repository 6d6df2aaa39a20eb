use sqlx::postgres::PgConnectOptions;

use super::{
    LocalPostgres, LocalPostgresBuilder,
    error::{LocalPostgresError, Result},
};

/// If one of these is set, the user has chosen a server.
const LIBPQ_VARIABLES: [&str; 3] = ["PGHOST", "PGDATABASE", "PGUSER"];

/// The database that the environment names, or else a local server.
///
/// Keep the value for as long as you use the database: a local server ends with it.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use pgjobs_local_postgres::{Database, LocalPostgres};
///
/// let database = Database::from_env_or_local(LocalPostgres::builder().allow_download(true)).await?;
/// eprintln!("{}", database.describe());
/// let pool = sqlx::PgPool::connect_with(database.options()).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a server of its own stops when this is dropped"]
pub struct Database {
    options: PgConnectOptions,
    /// Where the address came from, for people.
    origin: &'static str,
    local: Option<LocalPostgres>,
}

impl Database {
    /// Uses DATABASE_URL, or libpq's PGHOST, PGDATABASE and PGUSER, or else starts a local server.
    ///
    /// An empty DATABASE_URL counts as unset. When the environment names the database, this does not connect
    /// to it yet.
    ///
    /// # Errors
    /// [`LocalPostgresError::Variable`] when DATABASE_URL is no URL of PostgreSQL, otherwise those
    /// of [`LocalPostgresBuilder::start`].
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::{Database, LocalPostgres};
    /// let builder = LocalPostgres::builder().data_dir("target/pgjobs-dev");
    /// let database = Database::from_env_or_local(builder).await?;
    /// # Ok(()) }
    /// ```
    pub async fn from_env_or_local(builder: LocalPostgresBuilder) -> Result<Self> {
        if let Some(database) = Self::from_env()? {
            return Ok(database);
        }
        let server = builder.start().await?;
        Ok(Self { options: server.options(), origin: "local", local: Some(server) })
    }

    /// Uses the database that the environment names and never starts a server.
    ///
    /// For programs that must not start a server, such as a worker in production.
    ///
    /// # Errors
    /// [`LocalPostgresError::Variable`] when DATABASE_URL is no URL of PostgreSQL.
    ///
    /// ```no_run
    /// # use pgjobs_local_postgres::Database;
    /// let database = Database::from_env()?.ok_or("set DATABASE_URL")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_env() -> Result<Option<Self>> {
        if let Ok(url) = std::env::var("DATABASE_URL")
            && !url.is_empty()
        {
            let options = parse(&url)?;
            return Ok(Some(Self { options, origin: "DATABASE_URL", local: None }));
        }
        let named =
            LIBPQ_VARIABLES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        Ok(named.then(|| Self { options: PgConnectOptions::new(), origin: "the PG* variables", local: None }))
    }

    /// The options to connect with.
    ///
    /// ```no_run
    /// # async fn f(database: pgjobs_local_postgres::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect_with(database.options()).await?;
    /// # Ok(()) }
    /// ```
    pub fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// The local server, if one was started.
    ///
    /// ```no_run
    /// # fn f(database: pgjobs_local_postgres::Database) {
    /// if let Some(server) = database.local() {
    ///     eprintln!("try: psql '{}'", server.url("postgres"));
    /// }
    /// # }
    /// ```
    pub fn local(&self) -> Option<&LocalPostgres> {
        self.local.as_ref()
    }

    /// A one-line description for people, without a password.
    ///
    /// ```no_run
    /// # fn f(database: pgjobs_local_postgres::Database) {
    /// eprintln!("working on {}", database.describe());
    /// # }
    /// ```
    pub fn describe(&self) -> String {
        if let Some(server) = &self.local {
            return server.describe();
        }
        let user = self.options.get_username();
        // PostgreSQL uses the user's name when no database is named.
        let name = self.options.get_database().unwrap_or(user);
        format!("database `{name}` on {} as `{user}` (from {})", self.place(), self.origin)
    }

    /// Stops the local server, if there is one, and waits until it has ended.
    ///
    /// # Errors
    /// Those of [`LocalPostgres::stop`].
    ///
    /// ```no_run
    /// # async fn f(database: pgjobs_local_postgres::Database) -> Result<(), Box<dyn std::error::Error>> {
    /// database.stop().await?;
    /// # Ok(()) }
    /// ```
    pub async fn stop(self) -> Result<()> {
        match self.local {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    fn place(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None if self.options.get_host().starts_with('/') => self.options.get_host().to_owned(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }
}

fn parse(url: &str) -> Result<PgConnectOptions> {
    let unusable = |reason| LocalPostgresError::Variable { name: "DATABASE_URL", reason };
    // sqlx does not check the scheme, and a URL of another database would give odd errors later.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(unusable("it does not begin with postgresql://".to_owned()));
    }
    url.parse().map_err(|error: sqlx::Error| unusable(error.to_string()))
}
