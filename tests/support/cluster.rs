//! A primary and a streaming standby, from the stock binaries.

use std::path::{Path, PathBuf};
use std::process::Command;

use pgjobs::local_postgres::LocalPostgres;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use crate::child_process::{ChildProcess, as_server_user, folder};
use crate::until;

/// Two servers; the second follows the first until it is promoted.
pub struct Cluster {
    primary: LocalPostgres,
    folder: PathBuf,
    standby: ChildProcess,
    /// A pool on the standby, to look at it.
    pub other: PgPool,
}

impl Cluster {
    /// Starts both, the standby asynchronous; with schema `jobs`.
    pub async fn start() -> Self {
        let builder = LocalPostgres::builder().allow_download(true).durable(true);
        let primary = builder.start().await.unwrap_or_else(|error| panic!("{error}"));
        let pool = PgPool::connect_with(primary.options()).await.expect("the primary");
        pgjobs::migrate(&pool).await.unwrap_or_else(|error| panic!("{error}"));
        pool.close().await;
        let folder = folder(&primary, "standby");
        let data = folder.join("data");
        copy(&primary, &data);
        let standby =
            ChildProcess::start(&primary, &primary.bindir().join("postgres"), &arguments(&folder, &data));
        let options = primary.options().socket(&folder);
        let other = PgPoolOptions::new().max_connections(3).connect_lazy_with(options);
        let cluster = Cluster { primary, folder, standby, other };
        until("the standby follows", async || {
            let streams = "select exists (select from pg_stat_wal_receiver where status = 'streaming')";
            sqlx::query_scalar::<_, bool>(streams).fetch_one(&cluster.other).await.unwrap_or(false)
        })
        .await;
        cluster
    }

    /// How to connect to each.
    pub fn options(&self) -> [PgConnectOptions; 2] {
        [self.primary.options(), self.primary.options().socket(&self.folder)]
    }

    /// The primary's port, which is a part of its socket's name; the standby's is 5432.
    pub fn port(&self) -> u16 {
        self.primary.options().get_port()
    }

    /// From here on a commit returns when the standby has it as well.
    pub async fn be_synchronous(&self, primary: &PgPool) {
        sqlx::raw_sql("alter system set synchronous_standby_names = '*'")
            .execute(primary)
            .await
            .expect("set");
        sqlx::raw_sql("select pg_reload_conf()").execute(primary).await.expect("reload");
        until("it is synchronous", async || {
            let sync = "select exists (select from pg_stat_replication where sync_state = 'sync')";
            sqlx::query_scalar::<_, bool>(sync).fetch_one(primary).await.unwrap_or(false)
        })
        .await;
    }

    /// Waits until the standby has all that was committed so far, then lets it have no more.
    pub async fn cut(&self, primary: &PgPool) {
        let now = "select pg_current_wal_flush_lsn()::text";
        let now: String = sqlx::query_scalar(now).fetch_one(primary).await.expect("a position");
        until("the standby has caught up", async || {
            let caught_up = "select pg_last_wal_replay_lsn() >= $1::pg_lsn";
            let caught_up = sqlx::query_scalar::<_, bool>(caught_up).bind(&now);
            caught_up.fetch_one(&self.other).await.unwrap_or(false)
        })
        .await;
        let alone = "alter system set primary_conninfo = ''";
        sqlx::raw_sql(alone).execute(&self.other).await.expect("set");
        sqlx::raw_sql("select pg_reload_conf()").execute(&self.other).await.expect("reload");
        until("the stream has ended", async || {
            let streams = "select exists (select from pg_stat_wal_receiver)";
            sqlx::query_scalar::<_, bool>(streams).fetch_one(&self.other).await.is_ok_and(|streams| !streams)
        })
        .await;
    }

    /// Kills the primary without a word and promotes the standby.
    pub async fn fail_over(&self) {
        let killed = Command::new("kill").args(["-9", &self.primary.pid().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "kill -9");
        let mut promote = as_server_user(&self.primary, &self.primary.bindir().join("pg_ctl"));
        let promote = promote.args(["promote", "-w", "-s", "-D"]).arg(self.folder.join("data"));
        let promoted = promote.status().expect("pg_ctl");
        assert!(promoted.success(), "pg_ctl promote");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.standby.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn copy(primary: &LocalPostgres, data: &Path) {
    let options = primary.options();
    let mut copy = as_server_user(primary, &primary.bindir().join("pg_basebackup"));
    copy.args(["-R", "-X", "stream", "-c", "fast", "-U", "postgres", "-D"]).arg(data);
    copy.arg("-p").arg(options.get_port().to_string()).arg("-h").arg(options.get_socket().expect("a socket"));
    let output = copy.output().expect("pg_basebackup");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// No network port, and no fewer connections than the primary, which a standby insists on.
fn arguments<'a>(folder: &'a Path, data: &'a Path) -> [&'a str; 10] {
    let text = |path: &'a Path| path.to_str().expect("a path in UTF-8");
    ["-D", text(data), "-k", text(folder), "-p", "5432", "-h", "", "-N", "300"]
}
