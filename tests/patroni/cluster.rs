//! Three nodes of Patroni and one etcd.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pgjobs::local_postgres::LocalPostgres;
use pgjobs_tests::{folder, server, until};
use serde_json::{Value, json};
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use crate::network::{ETCD, NODES, Network};
use crate::tied::Tied;

/// For how long a leader's word holds, in seconds: the longest that the others wait for one that is gone.
pub(crate) const TTL: u32 = 10;

pub(crate) struct Cluster {
    // Ended before the network that they are in.
    nodes: Vec<Option<Tied>>,
    _etcd: Tied,
    /// Processes that stand still.
    stopped: Vec<i32>,
    pub(crate) network: Network,
    folder: PathBuf,
    server: &'static LocalPostgres,
    http: reqwest::Client,
}

impl Cluster {
    /// Starts all, and waits for a primary with two standbys; `synchronous`: a commit returns when one of
    /// them has it.
    pub(crate) async fn start(network: Network, synchronous: bool) -> Self {
        let server = server().await;
        for program in ["etcd", "patroni"] {
            let is_there = Command::new(program).arg("--version").output().is_ok();
            assert!(is_there, "needs {program}: `apt-get install patroni etcd-server`, without its service");
        }
        let folder = folder(server, "patroni");
        let etcd = etcd(server, &network, &folder);
        let http =
            reqwest::Client::builder().timeout(std::time::Duration::from_secs(30)).build().expect("client");
        let health = format!("http://{}:2379/health", network.address(ETCD));
        // Patroni looks again after five seconds only.
        until("etcd answers", async || {
            http.get(&health).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        let nodes = NODES.iter().map(|_| None).collect();
        let mut cluster = Cluster { nodes, _etcd: etcd, stopped: Vec::new(), network, folder, server, http };
        for nth in 0..NODES.len() {
            let config = cluster.config(nth, synchronous).to_string();
            std::fs::write(cluster.folder.join(format!("{nth}.json")), config).expect("a configuration");
            cluster.start_node(nth);
        }
        cluster.is_complete(synchronous).await;
        cluster
    }

    /// Starts the nth node, which joins the others.
    pub(crate) fn start_node(&mut self, nth: usize) {
        let config = self.folder.join(format!("{nth}.json"));
        let program = ["patroni".to_owned(), config.display().to_string()];
        let command = command(self.server, &self.network, NODES[nth], &program);
        let log = self.folder.join(format!("{nth}.log"));
        self.nodes[nth] = Some(Tied::start(&command, &self.data(nth), &log));
    }

    /// Ends Patroni and PostgreSQL of the nth node as when its machine loses power.
    pub(crate) fn kill(&mut self, nth: usize) {
        self.nodes[nth] = None;
        // Who stands still does not hear that its server has ended.
        self.stopped.drain(..).for_each(|pid| signal("-KILL", pid));
    }

    /// Has the nth node, which leads, send the others nothing more: those of its processes that send stand still.
    pub(crate) async fn hold_back(&mut self, nth: usize) {
        let options = self.options()[nth].clone();
        let mut connection = PgConnection::connect_with(&options).await.expect("the primary");
        let senders =
            sqlx::query_scalar("select pid from pg_stat_replication").fetch_all(&mut connection).await;
        self.stopped = senders.expect("its senders");
        assert_eq!(self.stopped.len(), NODES.len() - 1, "a sender for each of the others");
        self.stopped.iter().for_each(|pid| signal("-STOP", *pid));
    }

    /// How to connect to each node, the database's own first.
    pub(crate) fn options(&self) -> Vec<PgConnectOptions> {
        let options = |machine: &usize| {
            let options =
                PgConnectOptions::new_without_pgpass().host(&self.network.address(*machine)).port(5432);
            options.username("postgres").database("postgres")
        };
        NODES.iter().map(options).collect()
    }

    /// The members as any node tells them.
    async fn members(&self) -> Vec<Value> {
        for nth in (0..NODES.len()).filter(|nth| self.nodes[*nth].is_some()) {
            let url = format!("http://{}:8008/cluster", self.network.address(NODES[nth]));
            if let Ok(answer) = self.http.get(url).send().await
                && let Ok(Value::Object(mut cluster)) = answer.json().await
                && let Some(Value::Array(members)) = cluster.remove("members")
            {
                return members;
            }
        }
        Vec::new()
    }

    /// Which node leads, if one is known to.
    pub(crate) async fn leader(&self) -> Option<usize> {
        let members = self.members().await;
        let leads = |member: &&Value| member["role"] == "leader" && member["state"] == "running";
        let name = members.iter().find(leads)?["name"].as_str()?.to_owned();
        name.strip_prefix('n')?.parse().ok()
    }

    /// Waits until another node than this one leads.
    pub(crate) async fn other_leader(&self, than: usize) -> usize {
        until("another node leads", async || self.leader().await.is_some_and(|leader| leader != than)).await;
        self.leader().await.expect("a leader")
    }

    /// Waits until all nodes are there, and one of them is synchronous if that is wanted.
    pub(crate) async fn is_complete(&self, synchronous: bool) {
        until("all nodes are there", async || {
            let members = self.members().await;
            let is = |member: &Value, role: &str| member["role"] == role;
            members.len() == NODES.len()
                && members
                    .iter()
                    .all(|member| matches!(member["state"].as_str(), Some("running" | "streaming")))
                && members.iter().any(|member| is(member, "leader"))
                && (!synchronous || members.iter().any(|member| is(member, "sync_standby")))
        })
        .await;
    }

    /// Asks Patroni to make another node the primary, the synchronous one.
    pub(crate) async fn switch_over(&self) {
        let leader = self.leader().await.expect("a leader");
        let members = self.members().await;
        let next =
            members.iter().find(|member| member["role"] == "sync_standby").expect("a synchronous standby");
        let url = format!("http://{}:8008/switchover", self.network.address(NODES[leader]));
        let wanted = json!({ "leader": format!("n{leader}"), "candidate": next["name"] });
        let answer = self.http.post(url).json(&wanted).send().await.expect("an answer");
        let (status, words) = (answer.status(), answer.text().await.unwrap_or_default());
        assert!(status.is_success(), "{status}: {words}");
    }

    fn data(&self, nth: usize) -> PathBuf {
        self.folder.join(format!("data{nth}"))
    }

    fn config(&self, nth: usize, synchronous: bool) -> Value {
        let (folder, address) = (self.folder.display(), self.network.address(NODES[nth]));
        let socket = self.folder.join(format!("socket{nth}"));
        own_folder(self.server, &socket);
        let user = |name: &str| json!({ "username": name, "password": "of-no-use" });
        json!({
            "scope": "shop", "name": format!("n{nth}"),
            "restapi": { "listen": format!("{address}:8008"), "connect_address": format!("{address}:8008") },
            "etcd3": { "hosts": [format!("{}:2379", self.network.address(ETCD))] },
            "bootstrap": {
                "dcs": {
                    "ttl": TTL, "loop_wait": 1, "retry_timeout": 3, "synchronous_mode": synchronous,
                    "maximum_lag_on_failover": 16_777_216,
                    "postgresql": { "use_pg_rewind": true, "parameters": { "max_connections": 100 } },
                },
                "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, "data-checksums"],
            },
            "postgresql": {
                "listen": format!("{address}:5432"), "connect_address": format!("{address}:5432"),
                "data_dir": self.data(nth), "bin_dir": self.server.bindir(), "pgpass": format!("{folder}/pgpass{nth}"),
                "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
                "authentication": { "superuser": user("postgres"), "replication": user("standby") },
                "parameters": { "unix_socket_directories": socket },
            },
        })
    }

    /// The last words of each node, for a test that failed.
    fn logs(&self) -> String {
        let tail = |nth: usize| {
            let log = std::fs::read_to_string(self.folder.join(format!("{nth}.log"))).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            format!("node {nth}:\n{}\n", lines[lines.len().saturating_sub(15)..].join("\n"))
        };
        (0..NODES.len()).map(tail).collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.nodes.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn etcd(server: &LocalPostgres, network: &Network, folder: &Path) -> Tied {
    let (address, data) = (network.address(ETCD), folder.join("etcd"));
    let client = format!("http://{address}:2379");
    let peer = format!("http://{address}:2380");
    let program = [
        "etcd",
        "--data-dir",
        data.to_str().expect("UTF-8"),
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
        "--initial-cluster",
        &format!("default={peer}"),
    ];
    let command = command(server, network, ETCD, &program.map(str::to_owned));
    Tied::start(&command, &data, &folder.join("etcd.log"))
}

/// A command on this machine of the network, as the user who owns the server: PostgreSQL refuses to run as
/// root.
fn command(server: &LocalPostgres, network: &Network, machine: usize, program: &[String]) -> Vec<String> {
    let mut command = network.prefix(machine);
    let owner = std::fs::metadata(server.data_dir()).expect("the server's files");
    if std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        let user = [format!("--reuid={}", owner.uid()), format!("--regid={}", owner.gid())];
        command.extend(["setpriv".to_owned(), "--clear-groups".to_owned()].into_iter().chain(user));
    }
    command.extend_from_slice(program);
    command
}

fn signal(signal: &str, pid: i32) {
    let sent = Command::new("kill").args([signal, &pid.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {pid}");
}

fn own_folder(server: &LocalPostgres, folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder");
    let owner = std::fs::metadata(server.data_dir()).expect("the server's files");
    let _ = std::os::unix::fs::chown(folder, Some(owner.uid()), Some(owner.gid()));
}
