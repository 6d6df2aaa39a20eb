//! `doctor`.

use std::collections::BTreeSet;
use std::path::Path;

use pgjobs_tests::{Db, until};

use crate::app::{Running, bare, on, run};

#[tokio::test]
async fn a_healthy_installation_with_a_worker_has_no_problem() {
    let db = Db::new().await;
    let worker = Running::start(&mut on(&db.url, &["worker", "--json"]));
    until("the worker lives", async || {
        db.one::<bool>("select exists (select from jobs.workers() w where w.alive)").await
    })
    .await;
    let id = run(&mut on(&db.url, &["publish", "app.add", "--args", "[1, 2]", "--wait"]));
    assert_eq!(id.code, Some(0), "{id:?}");
    assert_eq!(run(&mut on(&db.url, &["doctor", "--strict"])).data(), "nothing is wrong");
    let document = run(&mut on(&db.url, &["doctor", "--json"]));
    assert_eq!(document.code, Some(0));
    assert_eq!(document.json(), serde_json::json!({ "errors": 0, "warnings": 0, "problems": [] }));
    worker.signal("-INT");
    worker.end();
}

#[tokio::test]
async fn the_severity_decides_the_exit_code() {
    let db = Db::new().await;
    db.run("create role doctor_gone; select jobs.grant_topic('doctor_gone', 'a'); drop role doctor_gone")
        .await;
    let warned = run(&mut on(&db.url, &["doctor"]));
    assert_eq!(warned.code, Some(0), "{warned:?}");
    assert!(warned.out.starts_with("warning grant_of_no_role: 1 topic grants"), "{warned:?}");
    assert!(warned.out.contains("\n  found 1, allowed 0; remedy: `delete from"), "{warned:?}");
    let strict = run(&mut on(&db.url, &["doctor", "--strict", "--json"]));
    assert_eq!(
        (strict.code, &strict.json()["error"]["message"]),
        (Some(1), &"1 warning, and --strict".into())
    );

    run(&mut on(&db.url, &["publish", "app.add", "--args", "[1, 2]"]));
    let failed = run(&mut on(&db.url, &["doctor", "--json"]));
    assert_eq!(failed.code, Some(1), "{failed:?}");
    let document = failed.json();
    assert_eq!((&document["errors"], &document["warnings"]), (&2.into(), &1.into()), "{document}");
    let first = &document["problems"][0];
    assert_eq!((&first["code"], &first["severity"]), (&"no_worker".into(), &"error".into()));
    assert_eq!((&first["found"], &first["allowed"]), (&1.into(), &0.into()));
    assert!(first["remedy"].as_str().is_some_and(|remedy| remedy.contains("`pgjobs worker`")));
    let text = run(&mut on(&db.url, &["doctor"]));
    assert!(text.out.starts_with("error no_worker: ") && text.err.contains("not well: 2 errors"), "{text:?}");
}

#[tokio::test]
async fn a_schema_of_an_older_build_is_named() {
    let db = Db::new().await;
    db.run("update jobs.schema_functions set checksum = 'x'").await;
    let said = run(&mut on(&db.url, &["doctor"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.out.contains("error schema_behind: the schema is older than this program: functions"));
    run(&mut on(&db.url, &["migrate"])).data();
    run(&mut on(&db.url, &["doctor", "--strict"])).data();
}

/// The sources that write remedies.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sql = std::fs::read_dir(root.join("migrations/functions")).unwrap().map(|file| file.unwrap().path());
    let sql = sql.filter(|path| path.to_str().unwrap().contains("_problems"));
    let files = sql.chain([root.join("pgjobs/src/cli/commands/doctor.rs")]);
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn every_command_that_a_remedy_names_exists_with_its_options() {
    let sources = sources();
    let pieces = sources.split('`').filter_map(|piece| piece.strip_prefix("pgjobs "));
    let commands: BTreeSet<&str> = pieces.filter(|piece| !piece.contains('\n')).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let (words, options): (Vec<&str>, Vec<&str>) =
            command.split_whitespace().filter(|word| *word != "%s").partition(|word| !word.starts_with("--"));
        let words: Vec<&str> = words.into_iter().filter(|word| *word != "failed").collect();
        let help = run(&mut bare(&[&words[..], &["--help"]].concat()));
        assert_eq!(help.code, Some(0), "{command}: {help:?}");
        for option in options {
            assert!(help.out.contains(option), "{command}: {help:?}");
        }
    }
}
