//! `bench`.

use pgjobs_tests::{Db, until};
use serde_json::{Value, json};

use crate::app::{Running, bare, on, run};

const SCENARIOS: [&str; 5] = ["drain", "publish", "latency", "mixed", "held-snapshot"];

const LEFT: &str = "select count(*) from pg_database where datname like 'pgjobs\\_bench\\_%'";

/// The tests look at the databases of one server, so they take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// So little that a scenario takes a moment.
const TINY: [&str; 8] = ["--jobs", "2000", "--singles", "50", "--latency-samples", "20", "--seconds", "1"];

/// What one scenario found, as JSON.
async fn measured(scenario: &str) -> Value {
    measured_with(scenario, &[]).await
}

async fn measured_with(scenario: &str, options: &[&str]) -> Value {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let said = run(on(&db.url, &["bench", scenario, "--json"]).args(TINY).args(options));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.err.contains("WARN"), "what fails on purpose is not told: {said:?}");
    assert_eq!(db.one::<i64>(LEFT).await, 0, "its database is gone");
    let results = said.json()["results"].take();
    assert_eq!(results.as_array().map(Vec::len), Some(1), "{results}");
    assert_eq!(results[0]["scenario"], scenario);
    results[0].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// The rate is that of the jobs in the time.
#[track_caller]
fn is_rate(rate: &Value) {
    let [jobs, seconds, speed] = ["jobs", "seconds", "jobs_per_second"].map(|name| number(&rate[name]));
    assert!(jobs > 0.0 && seconds > 0.0, "{rate}");
    assert!((speed * seconds / jobs - 1.0).abs() < 1e-6, "{rate}");
}

/// The percentiles rise, and there are so many samples.
#[track_caller]
fn is_pick_up(pick_up: &Value, samples: &Value) {
    assert_eq!(&pick_up["samples"], samples);
    let times = ["p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms"].map(|name| number(&pick_up[name]));
    assert!(times[0] > 0.0 && times.is_sorted(), "{pick_up}");
}

#[tokio::test]
async fn drain_works_off_every_job() {
    let drain = measured("drain").await;
    assert_eq!(drain["jobs"], 2000);
    is_rate(&drain);
}

#[tokio::test]
async fn publish_counts_single_jobs_and_bulks() {
    let publish = measured("publish").await;
    assert_eq!((&publish["one_by_one"]["jobs"], &publish["in_bulk"]["jobs"]), (&json!(50), &json!(2000)));
    is_rate(&publish["one_by_one"]);
    is_rate(&publish["in_bulk"]);
}

#[tokio::test]
async fn latency_is_a_histogram_of_pick_ups() {
    is_pick_up(&measured("latency").await["pick_up"], &json!(20));
}

#[tokio::test]
async fn the_stages_of_a_pick_up_follow_each_other() {
    let latency = measured_with("latency", &["--stages"]).await;
    let stage = |name: &str| number(&latency["stages"][name]["p50_ms"]);
    let stages = ["notify", "wake", "claim", "start"].map(stage);
    assert!(stages.iter().all(|time| *time > 0.0) && stage("publish_call") > 0.0, "{latency}");
    // Medians do not add up exactly, and a job may be claimed before its notification is heard.
    let (sum, whole) = (stages.iter().sum::<f64>(), number(&latency["pick_up"]["p50_ms"]));
    assert!((0.5..2.0).contains(&(sum / whole)), "{latency}");
}

#[tokio::test]
async fn mixed_retries_one_job_in_a_hundred_and_ends_all() {
    let mixed = measured("mixed").await;
    let [single, bulk, succeeded, retried] =
        ["published_one_by_one", "published_in_bulk", "succeeded", "retried"]
            .map(|name| number(&mixed[name]));
    assert!(single > 0.0 && bulk > 0.0, "{mixed}");
    assert_eq!(single + bulk, succeeded, "{mixed}");
    // Each publisher begins with one that fails.
    assert!((retried - succeeded / 100.0).abs() < 2.0, "{mixed}");
    assert!(number(&mixed["jobs"]) <= succeeded, "{mixed}");
    is_rate(&mixed);
    is_pick_up(&mixed["pick_up"], &mixed["published_one_by_one"]);
}

#[tokio::test]
async fn held_snapshot_compares_the_last_thirds() {
    let held = measured("held-snapshot").await;
    for flow in [&held["without"], &held["held"]] {
        is_rate(flow);
        // It may have begun with nothing on a slow machine.
        assert!(number(&flow["first_third"]["jobs"]) >= 0.0, "{flow}");
        is_rate(&flow["last_third"]);
        let outer = number(&flow["first_third"]["jobs"]) + number(&flow["last_third"]["jobs"]);
        assert!(outer < number(&flow["jobs"]), "{flow}");
    }
    let last = |flow: &str| number(&held[flow]["last_third"]["jobs_per_second"]);
    let ratio = number(&held["last_third_ratio"]);
    assert!((ratio - last("held") / last("without")).abs() < 1e-6, "{held}");
}

#[tokio::test]
async fn without_a_scenario_it_drains_publishes_and_waits_under_these_settings() {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let document = run(on(&db.url, &["bench", "--json", "--concurrency", "7"]).args(TINY)).json();
    let names = [0, 1, 2].map(|at| document["results"][at]["scenario"].as_str());
    assert_eq!(names, [Some("drain"), Some("publish"), Some("latency")], "{document}");
    let settings = &document["settings"];
    assert_eq!((&settings["jobs"], &settings["concurrency"]), (&json!(2000), &json!(7)));
    for name in ["server_version", "synchronous_commit", "shared_buffers", "fsync"] {
        assert!(settings[name].is_string(), "{name}: {settings}");
    }
    assert!(settings["cpus"].is_u64(), "{settings}");
}

#[tokio::test]
async fn a_person_gets_the_settings_and_one_table() {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let text = run(on(&db.url, &["bench", "drain", "latency"]).args(TINY)).data();
    let (settings, table) = text.split_once("\n\n").expect("two parts");
    assert!(settings.contains("synchronous_commit") && settings.contains("2,000 jobs"), "{text}");
    assert!(table.starts_with("Scenario") && table.contains("p99.9"), "{text}");
    assert_eq!(table.lines().count(), 3, "{text}");
}

#[test]
fn an_unknown_scenario_ends_with_2_and_names_the_known_ones() {
    let said = run(&mut bare(&["bench", "drained"]));
    assert_eq!(said.code, Some(2), "{said:?}");
    for scenario in SCENARIOS {
        assert!(said.err.contains(scenario), "{scenario}: {said:?}");
    }
}

#[test]
fn the_help_explains_every_scenario_in_a_line() {
    let help = run(&mut bare(&["bench", "--help"])).data();
    let explained = help.lines().skip_while(|line| !line.contains("- drain:"));
    for (scenario, line) in SCENARIOS.iter().zip(explained.chain([""; 5])) {
        assert!(line.trim_start().starts_with(&format!("- {scenario}:")), "{scenario}: {help}");
    }
}

#[tokio::test]
async fn ctrl_c_drops_its_database_as_well() {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let bench = Running::start(&mut on(&db.url, &["bench", "--jobs", "5000000"]));
    until("it works", async || {
        db.one::<i64>("select count(*) from pg_stat_activity where datname like 'pgjobs\\_bench\\_%'").await
            > 0
    })
    .await;
    bench.signal("-INT");
    let said = bench.end();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("interrupted"), "{said:?}");
    assert_eq!(db.one::<i64>(LEFT).await, 0);
}
