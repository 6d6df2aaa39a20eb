//! A real Prometheus scrapes a worker; its own tool reads the alerts; Debian's exporter reads the database.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use pgjobs_tests::{ChildProcess, Db, until};
use serde_json::Value;

use crate::contrib::{path, queries, read};
use crate::serving::{Serving, value};

/// A port that nobody listens at: neither program takes port 0 and says what it got.
fn free() -> String {
    format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
}

fn folder(name: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

struct Prometheus {
    address: String,
    _process: ChildProcess,
}

impl Prometheus {
    /// Scrapes what contrib/ says, each second, at this worker, and evaluates the alerts.
    fn start(worker: &str) -> Self {
        let (address, folder) = (free(), folder("prometheus"));
        let scrape = read("contrib/prometheus/scrape.yml").replace("127.0.0.1:9000", worker);
        let alerts = path("contrib/prometheus/alerts.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{}]\n{scrape}",
            alerts.display()
        );
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let arguments = [
            format!("--config.file={}", file.display()),
            format!("--storage.tsdb.path={}", folder.join("data").display()),
            format!("--web.listen-address={address}"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let process = ChildProcess::start_as_me(Path::new("prometheus"), &arguments);
        Prometheus { address, _process: process }
    }

    /// The result of a query; `None` while it does not answer.
    async fn ask(&self, query: &str) -> Option<Value> {
        let url = format!("http://{}/api/v1/query", self.address);
        let answer = reqwest::Client::new().get(url).query(&[("query", query)]).send().await.ok()?;
        let answer: Value = answer.json().await.ok()?;
        assert_ne!(answer["status"], "error", "{query}: {answer}");
        Some(answer["data"]["result"].clone())
    }

    /// Waits until a query has this value.
    async fn shows(&self, query: &str, wanted: &str) {
        until(&format!("{query} is {wanted}"), async || {
            self.ask(query).await.is_some_and(|result| result[0]["value"][1] == wanted)
        })
        .await;
    }
}

#[tokio::test]
async fn a_real_prometheus_scrapes_a_worker_and_the_database() {
    let db = Db::new().await;
    let worker = Serving::start(&db, &[]).await;
    let prometheus = Prometheus::start(&worker.address);
    prometheus.shows(r#"pgjobs_settled_total{task="app.add",outcome="success"}"#, "0").await;
    db.run(r#"select jobs.publish('app.add', '{"args": [1, 2]}') from generate_series(1, 5); select jobs.publish('nobody.has')"#).await;
    prometheus.shows(r#"pgjobs_settled_total{task="app.add",outcome="success"}"#, "5").await;
    prometheus.shows(r#"pgjobs_job_wait_seconds_count{task="app.add"}"#, "5").await;
    prometheus.shows(r#"pgjobs_blocked_jobs{task="nobody.has",reason="no_worker"}"#, "1").await;
    prometheus.shows(r#"ALERTS{alertname="PgjobsNoWorker"}"#, "1").await;
    for query in queries() {
        let query = query.replace("$task", ".*").replace("$__rate_interval", "1m");
        assert!(prometheus.ask(&query).await.is_some(), "{query}");
    }
}

fn promtool(arguments: &[&str]) {
    let contrib = path("contrib/prometheus");
    let Output { status, stdout, stderr } = Command::new("promtool")
        .args(arguments)
        .current_dir(contrib)
        .output()
        .expect("promtool, of Debian's package prometheus");
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{arguments:?}: {said}");
}

#[test]
fn the_alerts_pass_the_checks_and_tests_of_prometheus() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"]);
    promtool(&["test", "rules", "alerts.test.yml"]);
    promtool(&["check", "config", "scrape.yml"]);
}

#[tokio::test]
async fn the_exporter_for_postgresql_shows_the_same_under_the_same_names() {
    let db = Db::new().await;
    let role = format!("monitor_{}", std::process::id());
    db.run(&format!("create role {role} login in role jobs_reader; select jobs.publish('mail.send') from generate_series(1, 7)")).await;
    let address = free();
    let options = db.options();
    let source = format!(
        "DATA_SOURCE_NAME=host={} user={role} dbname={} sslmode=disable",
        options.get_socket().expect("a server on a socket").display(),
        options.get_database().unwrap()
    );
    let arguments = [
        source,
        "prometheus-postgres-exporter".to_owned(),
        format!("--web.listen-address={address}"),
        format!("--extend.query-path={}", path("contrib/postgres_exporter/queries.yaml").display()),
        "--disable-default-metrics".to_owned(),
        "--disable-settings-metrics".to_owned(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _exporter = ChildProcess::start_as_me(Path::new("env"), &arguments);
    let scrape = async || match reqwest::get(format!("http://{address}/metrics")).await {
        Ok(answer) => answer.text().await.unwrap_or_default(),
        Err(_) => String::new(),
    };
    until("it serves", async || scrape().await.contains("pgjobs_open_jobs")).await;
    let text = scrape().await;
    let here = |line: &str| {
        let (name, labels) = line.split_once('{')?;
        let labels = labels.split_once('}')?.0.split(',').filter(|label| !label.starts_with("server="));
        Some((name.to_owned(), labels.map(str::to_owned).collect::<Vec<_>>()))
    };
    let found = text.lines().filter(|line| line.contains("task=\"mail.send\"")).filter_map(here);
    assert!(
        found.clone().any(
            |(name, labels)| name == "pgjobs_open_jobs" && labels.contains(&"state=\"ready\"".to_owned())
        ),
        "{text}"
    );
    let ready =
        text.lines().find(|line| line.starts_with("pgjobs_open_jobs{") && line.contains("ready")).unwrap();
    assert!(ready.ends_with(" 7"), "{ready}");
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    let ours = worker.get("/metrics/database").await.1;
    assert_eq!(value(&ours, r#"pgjobs_open_jobs{state="ready",task="mail.send"}"#), Some(7.0));
    for name in text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .filter(|name| name.starts_with("pgjobs_"))
    {
        assert!(ours.contains(&format!("# TYPE {name} gauge")), "{name} is not one of jobs.metrics");
    }
    assert!(text.contains("pgjobs_problem{code=\"no_worker\""), "{text}");
    tokio::time::timeout(Duration::from_secs(5), db.pool.close()).await.unwrap_or_default();
}
