//! No output holds a password or, outside of `inspect job`, an argument.

use pgjobs_tests::Db;

use crate::app::{Printed, bare, folder, on, run};

const CANARY: &str = "canary7Q";

/// Every way to ask for a connection, as loud as can be.
fn tried(url: &str) -> Vec<Printed> {
    let file = folder().join("dsn");
    std::fs::write(&file, format!("{url}\n")).unwrap();
    let file = file.to_str().unwrap();
    let mut said = Vec::new();
    for arguments in [
        &["inspect"][..],
        &["inspect", "--json", "-vvv"],
        &["migrate", "-vvv"],
        &["worker", "-vvv"],
        &["worker", "-vvv", "--log", "json"],
        &["publish", "a", "-v"],
        &["purge", "--topic", "*"],
        &["bench", "--jobs", "1", "-vvv"],
    ] {
        said.push(run(on(url, arguments).env("RUST_LOG", "trace")));
        said.push(run(bare(arguments).args(["--dsn-file", file]).env("RUST_LOG", "trace")));
    }
    said
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    for url in [
        format!("postgresql://ana:{CANARY}@127.0.0.1:1/shop"),
        format!("postgresql://ana@127.0.0.1:1/shop?password={CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?passwort={CANARY}"),
        "postgresql://ana:c%61nary7Q@127.0.0.1:1/shop".to_owned(),
        format!("postgresql://ana@127.0.0.1:1/shop?passwd={CANARY}%22x"),
        format!("postgresql://ana@127.0.0.1:1/shop?passwd=x%1b{CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?passwd={CANARY}+x+y"),
        format!("postgresql://ana@127.0.0.1:1/shop?passwd=x&{CANARY}"),
        format!("postgresql://ana:{CANARY}%22%1b@127.0.0.1:1/shop"),
    ] {
        for said in tried(&url) {
            assert_eq!(said.code, Some(3), "{said:?}");
            assert!(said.err.contains("database `shop` on 127.0.0.1:1 as `ana`"), "{said:?}");
            assert!(!format!("{said:?}").contains(CANARY), "{said:?}");
        }
    }
}

#[test]
fn an_unusable_url_is_refused_without_repeating_it() {
    for url in [
        format!("postgresql://ana:{CANARY}@host:port/shop"),
        format!("postgresql://ana:1/{CANARY}@127.0.0.1:1/shop"),
        format!("postgresql://ana:{CANARY}@127.0.0.1:1/shop?sslmode={CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?sslmode={CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?port={CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?hostaddr={CANARY}"),
        format!("postgresql://ana@127.0.0.1:1/shop?target_session_attrs={CANARY}"),
        format!("mysql://ana:{CANARY}@127.0.0.1:1/shop"),
        CANARY.to_owned(),
    ] {
        for said in tried(&url) {
            assert_eq!(said.code, Some(2), "{said:?}");
            assert!(!format!("{said:?}").contains(CANARY), "{said:?}");
        }
    }
}

#[test]
fn the_variables_of_libpq_are_used_and_their_password_is_not_shown() {
    let mut command = bare(&["inspect", "-vvv"]);
    let said = run(command.envs([
        ("PGHOST", "127.0.0.1"),
        ("PGPORT", "1"),
        ("PGUSER", "ana"),
        ("PGPASSWORD", CANARY),
    ]));
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.err.contains("127.0.0.1:1 as `ana` (from the PG* variables)"), "{said:?}");
    assert!(!format!("{said:?}").contains(CANARY), "{said:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = run(&mut bare(&["inspect", "--dsn-file", "nowhere"]));
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("`nowhere`"), "{said:?}");
}

#[tokio::test]
async fn a_database_is_found_through_a_file() {
    let db = Db::new().await;
    let file = folder().join("dsn");
    std::fs::write(&file, format!("{}\n", db.url)).unwrap();
    let said = run(bare(&["inspect", "--dsn-file"]).arg(file));
    assert!(said.data().contains("no jobs"));
}

#[tokio::test]
async fn arguments_and_results_are_shown_by_inspect_job_alone() {
    let db = Db::new().await;
    let id = run(&mut on(&db.url, &["publish", "app.broken", "--kwarg", &format!("reason={CANARY}")])).data();
    for arguments in [
        &["inspect"][..],
        &["inspect", "jobs"],
        &["inspect", "jobs", "--json"],
        &["inspect", "tasks", "--json"],
        &["inspect", "workers"],
        &["top", "--once"],
    ] {
        let said = run(on(&db.url, arguments).env("RUST_LOG", "trace"));
        assert!(!format!("{said:?}").contains(CANARY), "{said:?}");
    }
    assert!(run(&mut on(&db.url, &["inspect", "job", &id])).data().contains(CANARY));
    assert!(run(&mut on(&db.url, &["inspect", "job", &id, "--json"])).data().contains(CANARY));
}
