//! A local PostgreSQL server that starts and ends with this program.
//!
//! Examples, tests, benches and `pgjobs dev` require a database and should not make anybody install,
//! configure or clean up one. [`Database::from_env_or_local`] uses the database that the environment names
//! and starts a server only when it names none; [`LocalPostgres`] is that server.
//!
//! How it handles what can go wrong:
//!
//! * The program dies, even by `kill -9`. A small shell script (`watchdog.sh`) starts the server and waits
//!   for the end of a pipe that only this process writes to. The kernel closes that pipe however the process
//!   ends; then the script stops the server and removes its folder.
//! * The program runs as root, which PostgreSQL refuses. The server then runs as `postgres` or `nobody`, with
//!   none of root's groups.
//! * Two programs start at once. Whatever is shared (an initialised template, downloaded binaries) is made
//!   under a temporary name and renamed into place.
//! * Tests are many programs. They may share one server (`shared`), which ends after the last of them: the pipe
//!   then has a name, and each of them holds it open.
//! * This machine has no PostgreSQL. The error lists the locations that were searched and the commands that
//!   fix it; a download happens only when it was allowed.
//!
//! These environment variables change what it does:
//!
//! * `DATABASE_URL`, `PGHOST`, `PGDATABASE` and `PGUSER` name the database to use instead.
//! * `PGJOBS_PG_BINDIR` names the folder of `initdb` and `postgres`; the value `download` ignores what is
//!   installed and uses the download.
//! * `PGJOBS_OFFLINE=1` forbids a download.
//! * `PGJOBS_CACHE_DIR` names another folder for downloads and templates. Otherwise it is `pgjobs` in
//!   `XDG_CACHE_HOME` or `~/.cache`, and `/var/cache/pgjobs` for root.
//!
//! It is a server for development: anybody who can reach its socket is a superuser. The socket is in a folder
//! that only its owner can enter, and there is no network port.

mod address;
mod admin;
mod builder;
mod database;
mod error;
mod server;

#[cfg(unix)]
mod cache;
#[cfg(unix)]
mod discover;
#[cfg(unix)]
mod download;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod identity;
#[cfg(unix)]
mod launch;
#[cfg(unix)]
mod launched;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod places;
#[cfg(unix)]
mod postmaster;
#[cfg(unix)]
mod shared;
#[cfg(unix)]
mod site;
#[cfg(unix)]
mod template;
mod watchdog;

pub use builder::LocalPostgresBuilder;
pub use database::Database;
pub use error::LocalPostgresError;
pub use server::LocalPostgres;
