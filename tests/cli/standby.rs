//! Of which database a standby is. What is named here as one is a primary, which is read from all the same.

use std::process::Command;

use pgjobs_tests::{Db, until};

use crate::app::{Running, bare, on, run};
use crate::servers::Servers;

/// A command with this standby.
fn reading(mut command: Command, standby: &str) -> Command {
    command.env("PGJOBS_READ_DSN", standby);
    command
}

const DASHBOARD: [&str; 4] = ["dashboard", "--listen", "127.0.0.1:0", "--json"];

#[tokio::test]
async fn a_standby_of_no_named_server_is_refused_where_servers_have_names() {
    let servers = Servers::new().await;
    for arguments in [
        &["inspect"][..],
        &["inspect", "jobs", "--on", "us"],
        &["top", "--once", "--on", "us"],
        &["doctor", "--on", "us"],
        &["explain", "0199d1f2a4b07c3e8f5a6b7c8d9e0f12", "--on", "us"],
        &["worker", "--metrics", "127.0.0.1:0", "--burst", "--on", "us"],
        &[&DASHBOARD[..], &["--on", "us"]].concat(),
    ] {
        let said = run(&mut reading(servers.on(arguments), &servers.eu.url));
        assert_eq!(said.code, Some(2), "{arguments:?}: {said:?}");
        assert!(said.err.contains("PGJOBS_READ_DSN") && said.err.contains("NAME=URL"), "{said:?}");
    }
}

#[tokio::test]
async fn the_standby_of_the_chosen_server_is_read_and_of_no_other() {
    let servers = Servers::new().await;
    for (db, task) in [(&servers.eu, "only.eu"), (&servers.us, "only.us")] {
        db.run(&format!("select jobs.publish('{task}')")).await;
    }
    let standby = format!("eu={}", servers.eu.url);
    let eu = run(&mut reading(servers.on(&["inspect", "jobs", "--on", "eu"]), &standby));
    assert!(eu.out.contains("only.eu") && eu.err.contains("is no standby but a primary"), "{eu:?}");
    let us = run(&mut reading(servers.on(&["inspect", "jobs", "--on", "us"]), &standby));
    assert!(us.out.contains("only.us") && !us.err.contains("standby"), "it has none: {us:?}");
    let both = run(&mut reading(servers.on(&["inspect", "jobs"]), &standby));
    assert!(both.code == Some(2) && both.err.contains("choose one with --on"), "{both:?}");
    let argument = run(&mut servers.on(&["inspect", "jobs", "--on", "us", "--read-dsn", &standby]));
    assert!(argument.code == Some(2) && argument.err.contains("names no standby of us"), "{argument:?}");
    let unknown =
        run(&mut reading(servers.on(&["inspect", "--on", "eu"]), "ap=postgresql://ana:canary7R@db/x"));
    assert!(unknown.code == Some(2) && unknown.err.contains("a standby of ap"), "{unknown:?}");
    let one = run(&mut reading(on(&servers.eu.url, &["inspect"]), &standby));
    assert!(one.code == Some(2) && one.err.contains("without NAME="), "{one:?}");
    assert!(!format!("{unknown:?}{one:?}").contains("canary7R"), "{unknown:?}");
}

#[tokio::test]
async fn a_dashboard_refuses_the_standby_of_another_database() {
    let servers = Servers::new().await;
    let said = run(&mut reading(on(&servers.us.url, &DASHBOARD), &servers.eu.url));
    assert!(said.code == Some(2) && said.err.contains("is no standby of database"), "{said:?}");
    let named = format!("us={}", servers.eu.url);
    let said = run(reading(servers.on(&DASHBOARD), &named).args(["--on", "us"]));
    assert!(said.code == Some(2) && said.err.contains("is no standby of database"), "{said:?}");
}

#[tokio::test]
async fn a_standby_alone_is_enough_to_read() {
    let db = Db::new().await;
    db.run("select jobs.publish('mail.a')").await;
    let said = run(&mut reading(bare(&["inspect", "jobs"]), &db.url));
    assert!(said.code == Some(0) && said.out.contains("mail.a"), "{said:?}");
}

const NOWHERE: &str = "postgresql://ana:canary7R@127.0.0.1:1/shop";

/// Where a worker serves.
async fn get(address: &str, path: &str) -> u16 {
    reqwest::get(format!("http://{address}{path}")).await.map_or(0, |answer| answer.status().as_u16())
}

#[tokio::test]
async fn a_worker_starts_while_the_standby_of_its_metrics_is_away() {
    let db = Db::new().await;
    let address = "127.0.0.1:0";
    let mut command = reading(on(&db.url, &["worker", "--topic", "app.add", "--metrics", address]), NOWHERE);
    let mut worker = Running::start(&mut command);
    let line = worker.error_line("metrics at http://");
    let address = line.split_once("http://").unwrap().1.split_once('/').unwrap().0;
    until("it is ready", async || get(address, "/readyz").await == 200).await;
    assert_eq!(get(address, "/metrics/database").await, 503, "the primary is not read instead");
    worker.signal("-INT");
    assert_eq!(worker.end().code, Some(0));
}

#[tokio::test]
async fn a_worker_does_not_ignore_a_standby_that_it_would_not_read() {
    let servers = Servers::new().await;
    let url = "postgresql://ana:canary7R@db/shop";
    let said = run(&mut on(&servers.eu.url, &["worker", "--burst", "--read-dsn", url]));
    assert!(said.code == Some(2) && said.err.contains("add --metrics"), "{said:?}");
    let metrics = ["worker", "--burst", "--metrics", "127.0.0.1:0"];
    let said = run(servers.on(&metrics).args(["--read-dsn", "eu=postgresql://ana@db/shop"]));
    assert!(said.code == Some(2) && said.err.contains("choose one with --on"), "{said:?}");
    let said = run(&mut reading(servers.on(&metrics), NOWHERE));
    assert!(said.code == Some(0) && said.err.contains("PGJOBS_READ_DSN is not read"), "{said:?}");
    assert!(!format!("{said:?}").contains("canary7R"), "{said:?}");
}

#[tokio::test]
async fn a_doctor_says_what_it_found_although_the_standby_refuses() {
    let (db, empty) = (Db::new().await, Db::empty().await);
    db.run("select jobs.publish('nobody.has')").await;
    let said = run(&mut reading(on(&db.url, &["doctor", "--json"]), &empty.url));
    let codes: Vec<String> = said.json()["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| problem["code"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(
        codes.contains(&"standby_away".to_owned()) && codes.contains(&"unknown_task".to_owned()),
        "{said:?}"
    );
}
