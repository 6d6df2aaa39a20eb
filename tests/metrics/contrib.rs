//! The configurations in contrib/ and the page of the book name metrics that exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pgjobs_tests::Db;
use serde_json::Value;

use crate::serving::Serving;

/// A file of the repository.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The metrics that a worker serves, of itself and of the database.
async fn served() -> BTreeSet<String> {
    let db = Db::new().await;
    db.run(r#"select jobs.register_tasks('[{"name": "a", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0, "slo": 30}]'); select jobs.set_limit('few', 'a', '{"max": 1}'); select jobs.publish_workflow('[{"name": "a", "task": "none"}]')"#).await;
    let worker = Serving::start(&db, &["--topic", "app.add"]).await;
    db.run(r#"select jobs.publish('app.add', '{"args": [1, 2]}')"#).await;
    worker.shows(r#"pgjobs_settled_total{task="app.add",outcome="success"}"#, 1.0).await;
    let text = worker.get("/metrics").await.1 + &worker.get("/metrics/database").await.1;
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    // No worker publishes; and there is one server.
    let others = ["pgjobs_published_total", "pgjobs_server_up"].map(str::to_owned);
    names.map(|(name, _)| name.to_owned()).chain(others).collect()
}

/// The metrics that a text names. A histogram has three names.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("pgjobs_"))
        .map(|word| {
            let end = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            end.unwrap_or(word).to_owned()
        })
        .collect()
}

/// The queries of the Grafana dashboard.
pub(crate) fn queries() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(&read("contrib/grafana/pgjobs.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_metric_that_a_configuration_names_is_served() {
    let served = served().await;
    let dashboard = queries();
    assert!(dashboard.len() > 40, "{dashboard:?}");
    let alerts: String =
        read("contrib/prometheus/alerts.yml").lines().filter(|line| line.contains("expr:")).collect();
    for (what, text) in [
        ("the dashboard", dashboard.join(" ")),
        ("the alerts", alerts),
        ("KEDA", read("contrib/keda/scaledobject.yaml")),
    ] {
        let named = named(&text);
        assert!(named.len() > 1 && named.is_subset(&served), "{what}: {:?}", named.difference(&served));
    }
}

#[test]
fn what_the_dashboard_takes_from_the_database_it_takes_of_each_server() {
    // A task's slo is the same everywhere.
    for query in queries().iter().filter(|query| !query.contains("pgjobs_slo_seconds")) {
        let kept = query.split("max by (").skip(1);
        assert!(kept.clone().all(|kept| kept.starts_with("server")), "{query}");
        assert!(!query.contains("max(pgjobs_live"), "{query}");
    }
}

#[tokio::test]
async fn the_book_lists_every_metric_and_no_other() {
    let page = read("docs/src/monitoring.md");
    let listed: BTreeSet<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split(['`', '{']).next()?.to_owned()))
        .filter(|name| name.starts_with("pgjobs_"))
        .collect();
    assert_eq!(listed, served().await);
}

/// The queries of the ScaledObject, each with the number above which it wants another worker.
fn triggers() -> Vec<(String, f64)> {
    let text = read("contrib/keda/scaledobject.yaml");
    let values = |key: &'static str| {
        let lines =
            text.lines().filter_map(move |line| line.trim().strip_prefix(key)?.trim().strip_prefix('"'));
        lines.map(|value| value.trim_end_matches('"').to_owned()).collect::<Vec<_>>()
    };
    let targets = values("targetQueryValue:").into_iter().map(|target| target.parse().unwrap());
    values("query:").into_iter().zip(targets).collect()
}

#[tokio::test]
async fn the_query_of_keda_returns_a_number_with_and_without_jobs() {
    let db = Db::with_clock().await;
    let triggers = triggers();
    assert_eq!(triggers.len(), 2);
    for (query, _) in &triggers {
        assert_eq!(db.one::<f64>(query).await, 0.0, "{query}");
    }
    db.run("select jobs.publish('mail.send') from generate_series(1, 300); select jobs.publish('other')")
        .await;
    db.advance(std::time::Duration::from_secs(90)).await;
    assert_eq!(db.one::<f64>(&triggers[0].0).await, 300.0);
    assert_eq!(db.one::<f64>(&triggers[1].0).await, 90.0);
    assert!(triggers.iter().all(|(_, target)| *target > 0.0));
}
