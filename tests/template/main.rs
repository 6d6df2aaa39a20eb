//! A service that `pgjobs new` writes: it compiles, its tests pass, and its programs do what its README says.

mod service;

use std::path::Path;

use pgjobs_tests::Db;
use serde_json::Value;

use service::{Service, Web};

const TASKS: &str = "select array_agg(name order by name) from jobs.task";
const PERSON: &str =
    "select count(*) from person where address = 'ada@example.org' and welcomed_at is not null";

/// One test, since each part needs what the one before has compiled.
#[tokio::test]
async fn a_new_service_compiles_and_does_what_its_readme_says() {
    let service = Service::new("my-2nd_shop");
    service.cargo(&["fmt", "--check"]);
    service.cargo(&["build", "--bins"]);
    service.cargo(&["test"]);

    let db = Db::new().await;
    service.worker(&db, &["worker", "--burst"]);
    assert_eq!(db.one::<Vec<String>>(TASKS).await, ["my_2nd_shop.report", "my_2nd_shop.welcome"]);
    assert_eq!(service.worker(&db, &["schedule", "list", "--json"])["schedules"][0]["cron"], "0 7 * * *");
    assert_eq!(service.worker(&db, &["limit", "list", "--json"])["limits"][0]["rates"][0], "10/s");

    let web = Web::start(&service, &db);
    for (address, status) in [("ada@example.org", 201), ("ada@example.org", 409), ("ada", 400)] {
        assert_eq!(web.sign_up(address).await, status, "{address}");
    }
    assert_eq!(db.one::<i64>(PERSON).await, 0);
    assert_eq!(service.worker(&db, &["worker", "--burst", "--json"])["succeeded"], 1);
    assert_eq!(db.one::<i64>(PERSON).await, 1);

    let page = web.jobs("/jobs/jobs?state=success").await;
    assert!(page.contains("my_2nd_shop.welcome"), "{page}");
    web.end();
    service.refuses_to_be_reached_without_a_password(&db);
}

/// The names of the commands in the README are those that this test runs.
#[test]
fn the_readme_of_a_service_names_its_four_commands() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pgjobs/template/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let block = readme.split("```").nth(1).expect("a block");
    let commands: Vec<&str> = block.lines().skip(1).filter(|line| !line.is_empty()).collect();
    let begins = ["cargo run -- dev ", "eval \"$(cargo run -q -- dev --print)\"", "curl -d ", "cargo test "];
    assert_eq!(commands.len(), begins.len());
    assert!(commands.iter().zip(begins).all(|(command, begin)| command.starts_with(begin)), "{commands:?}");
}

/// The one JSON document on stdout, or nothing.
fn document(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_default()
}
