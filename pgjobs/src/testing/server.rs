//! The server that the tests of this process make their databases on.

use std::sync::atomic::{AtomicU32, Ordering};

use pgjobs_local_postgres::{Database as Origin, LocalPostgres, LocalPostgresError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, OnceCell};

use super::error::TestError;

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The server, and this process as one of those that use it.
///
/// Databases are named `pgjobs_test_RUN_N`, and the process of a run keeps a session that is named after it.
/// So any process sees which databases nobody uses any more.
pub(super) struct Server {
    origin: Origin,
    run: String,
    next: AtomicU32,
    /// Held by the test that makes a template, so that the others of this process wait for it.
    pub(super) making: Mutex<()>,
    /// Shows the others that this run lives. It ends with the process, not with the test that opened it.
    _session: PgConnection,
}

impl Server {
    /// The server of this process, found or started for the first test.
    pub(super) async fn shared() -> Result<&'static Self, TestError> {
        SERVER.get_or_try_init(Server::open).await
    }

    async fn open() -> Result<Self, TestError> {
        let local = LocalPostgres::builder().allow_download(true).setting("max_connections", "500");
        let origin = Origin::from_env_or_local(local.shared("tests")).await?;
        let run = format!("{:08x}", fastrand::u32(..));
        let options = origin.options().application_name(&format!("pgjobs test {run}"));
        let unreachable = |source| LocalPostgresError::Database { action: "connect".to_owned(), source };
        let mut session = options.connect().await.map_err(unreachable)?;
        let abandoned: Vec<String> = sqlx::query_scalar(ABANDONED).fetch_all(&mut session).await?;
        for name in abandoned {
            let _ = origin.drop_database(&name).await; // another process may be at it
        }
        Ok(Server { origin, run, next: AtomicU32::new(0), making: Mutex::new(()), _session: session })
    }

    /// A name for another database of this run.
    pub(super) fn next_name(&self) -> String {
        format!("pgjobs_test_{}_{}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn options(&self, name: &str) -> PgConnectOptions {
        self.origin.options().database(name)
    }

    pub(super) async fn create_database(&self, name: &str) -> Result<(), LocalPostgresError> {
        self.origin.create_database(name).await
    }

    pub(super) async fn clone_database(&self, template: &str, name: &str) -> Result<(), LocalPostgresError> {
        self.origin.clone_database(template, name).await
    }

    pub(super) async fn drop_database(&self, name: &str) -> Result<(), LocalPostgresError> {
        self.origin.drop_database(name).await
    }

    /// A session in the database that the server was found by.
    pub(super) async fn connect(&self) -> Result<PgConnection, TestError> {
        Ok(PgConnection::connect_with(&self.origin.options()).await?)
    }
}

/// Databases of runs that have ended, and templates that are a day old.
const ABANDONED: &str = r"
select d.datname::text from pg_database d
where d.datdba = (select r.oid from pg_roles r where r.rolname = current_user) and
  case
    when d.datname like 'pgjobs\_test\_%' then not exists (
      select from pg_stat_activity a where a.application_name = 'pgjobs test ' || split_part(d.datname, '_', 3))
    when d.datname like 'pgjobs\_template\_%' then
      shobj_description(d.oid, 'pg_database')::timestamptz < now() - interval '1 day'
  end";
