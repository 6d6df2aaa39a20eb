use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

use super::{LocalPostgresBuilder, address::Address, error::Result, watchdog::Watchdog};

/// A running PostgreSQL server that belongs to this program.
///
/// It ends when the value is stopped or dropped, and when the process ends in whatever way. Use it where a
/// real database is required and none is available: tests, benches, examples, development.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use pgjobs_local_postgres::LocalPostgres;
///
/// let server = LocalPostgres::start().await?;
/// let pool = sqlx::PgPool::connect_with(server.options()).await?;
/// // …
/// pool.close().await;
/// server.stop().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "the server stops when this is dropped"]
pub struct LocalPostgres {
    pub(crate) address: Address,
    pub(crate) data_dir: PathBuf,
    pub(crate) bindir: PathBuf,
    /// Where the binaries were found, for people.
    pub(crate) origin: String,
    pub(crate) version: String,
    pub(crate) pid: u32,
    pub(crate) kept: bool,
    /// `None` when another program started the server and this one only uses it.
    pub(crate) watchdog: Option<Watchdog>,
}

impl LocalPostgres {
    /// Starts an ephemeral server with the default settings.
    ///
    /// # Errors
    /// Those of [`LocalPostgresBuilder::start`].
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let server = LocalPostgres::start().await?;
    /// # Ok(()) }
    /// ```
    pub async fn start() -> Result<Self> {
        Self::builder().start().await
    }

    /// Creates a builder, which holds the settings of the server.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().setting("max_connections", "500");
    /// ```
    pub fn builder() -> LocalPostgresBuilder {
        LocalPostgresBuilder::default()
    }

    /// The URL of a database of this server, for sqlx, psql and every other client.
    ///
    /// The database need not exist yet; see [`create_database`](Self::create_database).
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// println!("export DATABASE_URL='{}'", server.url("postgres"));
    /// # }
    /// ```
    pub fn url(&self, database: &str) -> String {
        self.address.url(database)
    }

    /// The options to connect to the database `postgres` of this server.
    ///
    /// For another database add [`database`](PgConnectOptions::database).
    ///
    /// ```no_run
    /// # async fn f(server: pgjobs_local_postgres::LocalPostgres) -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = sqlx::PgPool::connect_with(server.options().database("shop")).await?;
    /// # Ok(()) }
    /// ```
    pub fn options(&self) -> PgConnectOptions {
        self.address.options("postgres")
    }

    /// The server's version, such as `18.1`.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// assert!(server.version().starts_with("18."));
    /// # }
    /// ```
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The folder of PostgreSQL's programs; `psql` may or may not be among them.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// let psql = server.bindir().join("psql");
    /// # }
    /// ```
    pub fn bindir(&self) -> &Path {
        &self.bindir
    }

    /// The folder of the server's data.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// eprintln!("the data is in {}", server.data_dir().display());
    /// # }
    /// ```
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The file that the server writes its log to; that of an ephemeral server is removed with it.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// eprintln!("tail -f {}", server.log_file().display());
    /// # }
    /// ```
    pub fn log_file(&self) -> PathBuf {
        if self.kept {
            return self.data_dir.join("server.log");
        }
        // The folder of an ephemeral server's data and log is removed with the server.
        self.address.socket_dir.join("server.log")
    }

    /// The process id of the server, for tools such as `ps`.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// eprintln!("ps -p {}", server.pid());
    /// # }
    /// ```
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A one-line description for people: the version, the origin, where its files are, when it stops.
    ///
    /// ```no_run
    /// # fn f(server: pgjobs_local_postgres::LocalPostgres) {
    /// eprintln!("{}", server.describe());
    /// # }
    /// ```
    pub fn describe(&self) -> String {
        let end = match (&self.watchdog, self.kept) {
            (Some(watchdog), _) if watchdog.is_shared() => {
                "is shared, and stops and is removed after the last program that uses it".to_owned()
            }
            (Some(_), true) => "stops with this program and keeps its files".to_owned(),
            (Some(_), false) => "stops and is removed with this program".to_owned(),
            (None, _) => "was already running and stops with the program that started it".to_owned(),
        };
        format!(
            "PostgreSQL {} from {}, files in {}, {end}",
            self.version,
            self.origin,
            self.data_dir.display()
        )
    }

    /// Stops the server and returns when it is gone, with its folder if it was ephemeral.
    ///
    /// This ends open sessions. A server that another program started, or that is shared, continues to run.
    /// Dropping the value stops the server too, but does not wait for it.
    ///
    /// # Errors
    /// [`LocalPostgresError::Files`](super::LocalPostgresError::Files) when the end of the server
    /// could not be waited for.
    ///
    /// ```no_run
    /// # async fn f(server: pgjobs_local_postgres::LocalPostgres) -> Result<(), Box<dyn std::error::Error>> {
    /// server.stop().await?;
    /// # Ok(()) }
    /// ```
    pub async fn stop(self) -> Result<()> {
        match self.watchdog {
            Some(watchdog) => watchdog.end().await,
            None => Ok(()),
        }
    }
}
