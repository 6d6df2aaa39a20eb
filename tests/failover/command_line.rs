//! A worker that is a program of its own, given a list of servers.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pgjobs::NewJob;
use pgjobs_tests::{Cluster, output, until};
use sqlx::PgPool;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn app(arguments: &[&str], variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(arguments).stdin(Stdio::null());
    for name in [
        "DATABASE_URL",
        "PGJOBS_READ_DSN",
        "PGHOST",
        "PGHOSTADDR",
        "PGPORT",
        "PGDATABASE",
        "PGUSER",
        "PGPASSWORD",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// The folders of the servers' sockets, standby first: the order is no help.
fn hosts(cluster: &Cluster) -> [String; 2] {
    let [primary, standby] = cluster.options();
    [standby, primary].map(|options| options.get_socket().unwrap().display().to_string())
}

async fn answered(pool: &PgPool, n: i64) {
    let job = NewJob::named("app.add").arg(n).arg(1).publish(pool).await.unwrap();
    assert_eq!(job.wait_for(pool, Duration::from_secs(120)).await.unwrap(), n + 1);
}

#[tokio::test]
async fn a_worker_with_a_url_of_several_servers_follows_the_primary() {
    let cluster = Cluster::start().await;
    let [standby, primary] = hosts(&cluster).map(|host| host.replace('/', "%2F"));
    let url = format!("postgresql://postgres@{standby}:5432,{primary}:{}/postgres", cluster.port());
    let mut command = app(&["worker", "--topic", "app.*", "--lease", "3s"], &[("DATABASE_URL", url)]);
    let _worker = Program(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let pool = PgPool::connect_with(cluster.options()[0].clone()).await.unwrap();
    answered(&pool, 1).await;
    cluster.fail_over().await;
    answered(&cluster.other, 2).await;
}

#[tokio::test]
async fn every_command_takes_the_primary_and_says_why_there_is_none() {
    let cluster = Cluster::start().await;
    let [standby, primary] = hosts(&cluster);
    let variables = |hosts: String, ports: String| {
        let [user, name] = ["PGUSER", "PGDATABASE"].map(|variable| (variable, "postgres".to_owned()));
        [("PGHOST", hosts), ("PGPORT", ports), user, name]
    };
    let publish = ["publish", "app.add", "--args", "[1, 2]"];
    let lists = variables(format!("{standby},{primary}"), format!("5432,{}", cluster.port()));
    let said = output(&mut app(&publish, &lists));
    assert!(said.status.success(), "{said:?}");
    until("the standby has the job", async || {
        let pending = sqlx::query_scalar::<_, i64>("select count(*) from jobs.job_queue");
        pending.fetch_one(&cluster.other).await.unwrap() == 1
    })
    .await;

    let lists = variables(format!("{standby},{standby}-gone"), String::new());
    let said = output(&mut app(&publish, &lists));
    let reason = String::from_utf8(said.stderr).unwrap();
    assert_eq!(said.status.code(), Some(3), "{reason}");
    for words in ["no primary for database `postgres` on", "is a standby", "promote a standby"] {
        assert!(reason.contains(words), "{reason}");
    }
}
