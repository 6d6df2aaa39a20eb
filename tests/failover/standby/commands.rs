//! The command line.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use pgjobs::inspect;
use pgjobs_tests::{Cluster, output, until};

use super::{filled, hold_replay, run};
use crate::command_line::app;

/// The URL of a server, by the folder of its socket.
fn url(cluster: &Cluster, nth: usize) -> String {
    let options = cluster.options()[nth].clone();
    let folder = options.get_socket().unwrap().display().to_string().replace('/', "%2F");
    format!("postgresql://postgres@{folder}:{}/postgres", if nth == 0 { cluster.port() } else { 5432 })
}

const NOWHERE: &str = "postgresql://nobody@%2Fnowhere/nothing";

struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs a command whose own database and standby are these.
fn said(arguments: &[&str], database: &str, standby: &str) -> Said {
    let variables = [("DATABASE_URL", database.to_owned()), ("PGJOBS_READ_DSN", standby.to_owned())];
    let said = output(&mut app(arguments, &variables));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: said.status.code().unwrap(), out: text(said.stdout), err: text(said.stderr) }
}

#[tokio::test]
async fn every_command_that_only_reads_is_answered_by_the_standby_alone() {
    let (cluster, primary) = filled().await;
    let job: String =
        sqlx::query_scalar("select max(job_id)::text from jobs.job_queue").fetch_one(&primary).await.unwrap();
    let commands: [&[&str]; 12] = [
        &["inspect"],
        &["inspect", "jobs"],
        &["inspect", "jobs", "--state", "failed"],
        &["inspect", "job", &job],
        &["inspect", "tasks"],
        &["inspect", "workers"],
        &["inspect", "pauses"],
        &["inspect", "statistics"],
        &["inspect", "errors"],
        &["explain", &job],
        &["top", "--once"],
        &["inspect", "job", &job, "--json"],
    ];
    for command in commands {
        let said = said(command, NOWHERE, &url(&cluster, 1));
        assert_eq!(said.code, 0, "{command:?}: {}", said.err);
        assert!(!said.out.is_empty(), "{command:?}");
    }
    let standby = url(&cluster, 1);
    for command in
        [["inspect", "jobs", "--read-dsn", &standby], ["inspect", "--read-dsn", &standby, "--json"]]
    {
        let said = said(&command, NOWHERE, "");
        assert_eq!(said.code, 0, "{command:?}: {}", said.err);
    }
}

#[tokio::test]
async fn how_old_the_data_are_is_said_beside_them() {
    let (cluster, primary) = filled().await;
    let fresh = said(&["inspect", "jobs"], NOWHERE, &url(&cluster, 1));
    assert!(fresh.err.contains("a standby, which shows the present"), "{}", fresh.err);
    hold_replay(&cluster, true).await;
    run(&primary, "select jobs.publish('mail.new')").await;
    until("it is old", async || {
        let standby = pgjobs::inspect::standby(&cluster.other).await.unwrap().unwrap();
        standby.bytes > 0 && standby.seconds > 5.0
    })
    .await;
    let old = said(&["inspect", "jobs"], NOWHERE, &url(&cluster, 1));
    assert!(
        old.err.contains("a standby, shows what was") && old.err.contains("are not replayed"),
        "{}",
        old.err
    );
    let top = said(&["top", "--once"], NOWHERE, &url(&cluster, 1));
    assert!(top.out.contains("standby,") && top.out.contains(" seconds old"), "{}", top.out);
    let top = said(&["top", "--once", "--json"], NOWHERE, &url(&cluster, 1));
    let top: serde_json::Value = serde_json::from_str(&top.out).unwrap();
    assert!(top["standby"]["seconds"].as_f64().unwrap() > 5.0, "{top}");
}

/// What it serves of the database, once it does.
async fn metrics(worker: &mut Child) -> String {
    let mut lines = BufReader::new(worker.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("metrics at http://")).expect("the address");
    let address = line.split_once("http://").unwrap().1.split_once('/').unwrap().0.to_owned();
    // Whoever writes to a closed pipe ends.
    std::thread::spawn(move || lines.for_each(drop));
    reqwest::get(format!("http://{address}/metrics/database")).await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn a_worker_serves_metrics_that_it_reads_from_the_standby() {
    let (cluster, primary) = filled().await;
    hold_replay(&cluster, true).await;
    run(&primary, "select jobs.publish('mail.new')").await;
    until("it is late", async || inspect::standby(&cluster.other).await.unwrap().unwrap().bytes > 0).await;
    let variables = [("DATABASE_URL", url(&cluster, 0)), ("PGJOBS_READ_DSN", url(&cluster, 1))];
    let mut worker = app(&["worker", "--topic", "app.*", "--metrics", "127.0.0.1:0"], &variables);
    let mut worker = worker.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let text = metrics(&mut worker).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    let lag = text.lines().find_map(|line| line.strip_prefix("pgjobs_standby_lag_seconds "));
    assert!(lag.is_some_and(|lag| lag.parse::<f64>().unwrap() > 0.0), "{text}");
}

#[tokio::test]
async fn a_standby_that_is_away_or_promoted_is_said_with_the_remedy() {
    let (cluster, primary) = filled().await;
    let away = said(&["inspect", "jobs"], &url(&cluster, 0), NOWHERE);
    assert_eq!(away.code, 3, "{}", away.err);
    for part in ["cannot reach the standby", "PGJOBS_READ_DSN", "leave it out to read from the primary"] {
        assert!(away.err.contains(part), "{part}: {}", away.err);
    }
    let doctor = said(&["doctor", "--json"], &url(&cluster, 0), NOWHERE);
    assert!(doctor.out.contains("\"standby_away\""), "{}", doctor.out);
    let well = said(&["doctor", "--json"], &url(&cluster, 0), &url(&cluster, 1));
    assert!(!well.out.contains("standby_"), "{}", well.out);
    let primary_named = said(&["inspect", "jobs"], NOWHERE, &url(&cluster, 0));
    assert_eq!(primary_named.code, 0, "{}", primary_named.err);
    assert!(primary_named.err.contains("is no standby but a primary"), "{}", primary_named.err);
    drop(primary);
}

#[tokio::test]
async fn a_password_is_not_taken_as_an_argument_and_not_repeated() {
    for url in ["postgresql://ana:canary8x@db/shop", "postgresql://ana@db/shop?password=canary8x"] {
        let said = said(&["inspect", "--read-dsn", url], NOWHERE, "");
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("PGJOBS_READ_DSN") && !said.err.contains("canary8x"), "{}", said.err);
    }
    let said = said(&["inspect"], NOWHERE, "postgresql://ana:canary8x@%2Fnowhere/shop");
    assert!(said.code == 3 && !said.err.contains("canary8x"), "{}", said.err);
}
