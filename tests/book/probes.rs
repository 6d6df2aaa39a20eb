//! A worker with the options that Kubernetes gives it answers the probes that Kubernetes asks.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use pgjobs_tests::{Db, until};
use serde_json::Value;

use crate::deploy::{deploy, documents, workers};

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts the worker on any port, with a task that this program has; returns the port. (It says it to people only.)
fn start(db: &Db, words: &[String]) -> (Killed, u16) {
    let words =
        words.iter().filter(|word| !word.starts_with("--log=")).map(|word| match word.split_once('=') {
            Some(("--topic", _)) => "--topic=app.add".to_owned(),
            Some(("--metrics", address)) => {
                format!("--metrics={}:0", address.split(':').next().unwrap_or_default())
            }
            _ => word.clone(),
        });
    let mut command = Command::new(env!("CARGO_BIN_EXE_app"));
    command.args(words).env("DATABASE_URL", &db.url).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut worker = Killed(command.spawn().expect("the worker"));
    let mut lines = BufReader::new(worker.0.stderr.take().expect("stderr")).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let address = line.split_once("metrics at http://")?.1.split('/').next()?.to_owned();
        address.rsplit_once(':')?.1.parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    (worker, port.expect("it says where"))
}

fn path<'p>(pod: &'p Value, probe: &str) -> &'p str {
    pod["containers"][0][probe]["httpGet"]["path"].as_str().expect(probe)
}

#[tokio::test]
async fn a_worker_of_the_kubernetes_file_answers_its_probes() {
    let db = Db::new().await;
    let documents = documents(&deploy("kubernetes.yaml"));
    let mut seen = 0;
    for (pod, words) in workers(&documents) {
        if pod["containers"][0]["livenessProbe"].is_null() {
            continue; // one that ends by itself
        }
        seen += 1;
        let (_worker, port) = start(&db, &words);
        for probe in ["livenessProbe", "readinessProbe"] {
            let url = format!("http://127.0.0.1:{port}{}", path(pod, probe));
            until(&url, async || reqwest::get(&url).await.is_ok_and(|answer| answer.status() == 200)).await;
        }
    }
    assert!(seen > 1, "{seen} workers with probes");
}
