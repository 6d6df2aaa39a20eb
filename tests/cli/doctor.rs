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
    assert!(
        text.out.contains("remedy: start your program's worker: `app worker`"),
        "commands of this program: {text:?}"
    );
}

/// Twelve faults at once, each with a part of its remedy.
const FAULTS: [(&str, &str); 12] = [
    ("autovacuum_off", "`alter table jobs.pending reset (autovacuum_enabled)`"),
    ("grant_of_no_role", "`delete from jobs.topic_grant where name = 'doctor_absent'`"),
    ("history_not_maintained", "`select jobs.maintain_partitions()`"),
    ("jobs_wait", "`pgjobs explain "),
    ("not_promoted", "`select jobs.maintain()`"),
    ("notify_off", "`update jobs.config set notify = true`"),
    ("paused", "`pgjobs resume 'paused.*'`"),
    ("schedule_overdue", "`select jobs.tick()`"),
    ("schedule_without_worker", "`pgjobs schedule pause 'nobody'`"),
    ("slo_missed", "`pgjobs worker --topic 'mail.send'`"),
    ("task_without_worker", "`pgjobs worker --topic 'app.absent'`"),
    ("unknown_task", "`pgjobs cancel --topic 'mail.snd'`"),
];

const SEED: &str = r#"
    select jobs.register_tasks('[{"name": "mail.send", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0, "slo": 30},
      {"name": "app.absent", "args_schema": true, "result_schema": true, "retries": 3, "timeout": 60, "priority": 0}]');
    select jobs.publish('mail.send'), jobs.publish('app.absent'), jobs.publish('mail.snd'), jobs.publish('paused.one');
    update jobs.pending set created_at = created_at - interval '10 min';
    select jobs.pause_topic('paused.*');
    update jobs.pause set paused_at = paused_at - interval '2 h';
    select jobs.set_schedule('late', 'mail.send', i_every => '1 h'), jobs.set_schedule('nobody', 'app.nobody', i_every => '1 h');
    update jobs.schedule set due_at = due_at - interval '2 h' where name = 'late';
    select jobs.publish('mail.send', i_scheduled_at => now() + interval '1 h');
    update jobs.pending set scheduled_at = now() - interval '2 min' where ready_seq is null;
    update jobs.config set notify = false;
    alter table jobs.pending set (autovacuum_enabled = off);
    update jobs.retention set looked_at = now() - interval '30 h';
    create role doctor_absent; select jobs.grant_topic('doctor_absent', 'a'); drop role doctor_absent"#;

#[tokio::test]
async fn each_of_twelve_faults_is_named_with_its_remedy() {
    let db = Db::new().await;
    let _worker = db.worker(&["mail.send"]).await;
    db.run(SEED).await;
    let document = run(&mut on(&db.url, &["doctor", "--json"])).json();
    let problems = document["problems"].as_array().expect("problems");
    let found: BTreeSet<&str> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
    for (code, remedy) in FAULTS {
        let problem = problems.iter().find(|problem| problem["code"] == code);
        let problem = problem.unwrap_or_else(|| panic!("{code} is not among {found:?}"));
        let said = problem["remedy"].as_str().unwrap_or_default();
        assert!(said.contains(remedy), "{code}: {said}");
        assert!(problem["found"] != problem["allowed"], "{problem}");
    }
    // The worker of this test is of no release.
    assert_eq!(found.len(), FAULTS.len() + usize::from(found.contains("worker_release")), "{found:?}");
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
        let (words, options): (Vec<&str>, Vec<&str>) = command
            .split_whitespace()
            .filter(|word| !word.starts_with('%'))
            .partition(|word| !word.starts_with("--"));
        let words: Vec<&str> = words.into_iter().filter(|word| *word != "failed").collect();
        let help = run(&mut bare(&[&words[..], &["--help"]].concat()));
        assert_eq!(help.code, Some(0), "{command}: {help:?}");
        for option in options {
            assert!(help.out.contains(option), "{command}: {help:?}");
        }
    }
}
