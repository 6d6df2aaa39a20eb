//! The server that the tests of this process make their databases on.

use std::sync::atomic::{AtomicU32, Ordering};

use pgjobs_local_postgres::{Database as Origin, LocalPostgres, LocalPostgresError};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

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
    making: Mutex<()>,
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
        let action = format!("connect to {}", origin.describe());
        let unreachable = |source| LocalPostgresError::Database { action, source };
        let mut session = options.connect().await.map_err(unreachable)?;
        sqlx::query(WITHOUT_LIMITS).execute(&mut session).await?;
        let abandoned: Vec<String> = sqlx::query_scalar(ABANDONED).fetch_all(&mut session).await?;
        for name in abandoned {
            let _ = origin.drop_database(&name).await; // another process may be at it
        }
        Ok(Server { origin, run, next: AtomicU32::new(0), making: Mutex::new(()), _session: session })
    }

    /// Lets one test at a time make this template, among all processes: the session that is returned holds a
    /// lock on the server, in the database that the environment names.
    pub(super) async fn making(&self, template: &str) -> Result<Making<'_>, TestError> {
        let here = self.making.lock().await;
        let mut everywhere = self.connect().await?;
        sqlx::query(WITHOUT_LIMITS).execute(&mut everywhere).await?;
        let lock = "select pg_advisory_lock(hashtextextended($1, 0))";
        sqlx::query(lock).bind(template).execute(&mut everywhere).await?;
        Ok(Making { _here: here, _everywhere: everywhere })
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

/// Ends when it is dropped.
pub(super) struct Making<'a> {
    _here: MutexGuard<'a, ()>,
    _everywhere: PgConnection,
}

/// For sessions that wait: settings of the role or the server that would end them. Not all versions have all.
const WITHOUT_LIMITS: &str = "
select set_config(s.name, '0', false) from pg_settings s
where s.name in ('idle_session_timeout', 'lock_timeout', 'statement_timeout', 'transaction_timeout')";

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
