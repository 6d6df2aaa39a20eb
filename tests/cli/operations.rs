//! Operations over all jobs that match, `redrive`, `edit`, `operation`, `retention`, `audit`.

use pgjobs_tests::Db;

use crate::app::{on, run};

/// Five failed jobs of mail.send, of which the last has another error.
async fn failed(db: &Db) {
    db.run("select jobs.publish('mail.send', jsonb_build_object('args', jsonb_build_array(g)), i_max_retries => 1) from generate_series(1, 5) g;
            select jobs.nack(c.job_id, case when c.body->'args'->>0 = '5' then 'refused' else 'timed out' end) from jobs.consume(5) c").await;
}

#[tokio::test]
async fn a_dry_run_counts_shows_and_changes_nothing() {
    let db = Db::new().await;
    failed(&db).await;
    let arguments = ["redrive", "--topic", "mail.*", "--error", "timed", "--dry-run"];
    let said = run(&mut on(&db.url, &arguments)).data();
    assert!(said.starts_with("would re-drive 4 jobs (failed) under `mail.*`\n"), "{said}");
    assert_eq!(said.matches("timed out").count(), 4, "{said}");
    let document = run(on(&db.url, &arguments).arg("--json")).json();
    assert_eq!((&document["jobs"], &document["exact"]), (&4.into(), &true.into()));
    assert_eq!(db.one::<i64>("select count(*) from jobs.operation").await, 0);
}

#[tokio::test]
async fn a_re_drive_by_topic_waits_for_its_end_without_a_worker() {
    let db = Db::new().await;
    failed(&db).await;
    let arguments =
        ["redrive", "--topic", "*", "--error", "timed", "--reason", "it is back", "--yes", "--json"];
    let document = run(&mut on(&db.url, &arguments)).json();
    assert_eq!(document["redriven"], 4, "{document}");
    let operation = &document["operation"];
    assert_eq!((&operation["state"], &operation["reason"]), (&"done".into(), &"it is back".into()));
    assert_eq!((db.count("pending").await, db.count("failed").await), (4, 5));
    assert_eq!(run(&mut on(&db.url, &["redrive", "--topic", "*", "--yes"])).data(), "redriven 1 job");
    assert_eq!(run(&mut on(&db.url, &["redrive", "--topic", "*", "--yes"])).data(), "redriven 0 jobs");
}

#[tokio::test]
async fn an_operation_is_started_listed_stopped_and_followed() {
    let db = Db::new().await;
    failed(&db).await;
    let started = run(&mut on(
        &db.url,
        &["retry", "--topic", "mail.*", "--rate", "6/h", "--no-wait", "--yes", "--json"],
    ))
    .json();
    assert_eq!((&started["id"], &started["matched"]), (&1.into(), &5.into()), "{started}");
    assert_eq!(
        run(&mut on(&db.url, &["operation", "pause", "1", "--reason", "x"])).data(),
        "paused operation 1 after 0 jobs"
    );
    let said = run(&mut on(&db.url, &["operation", "watch", "1"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("operation 1 is paused: retried 0 jobs; `operation resume 1`"), "{said:?}");
    let list = run(&mut on(&db.url, &["operation", "list"])).data();
    assert!(list.contains("retry") && list.contains("paused"), "{list}");
    run(&mut on(&db.url, &["operation", "resume", "1"])).data();
    db.run("update jobs.operation set rate = null").await;
    assert_eq!(run(&mut on(&db.url, &["operation", "watch", "1"])).data(), "retried 5 jobs");
    let show = run(&mut on(&db.url, &["operation", "show", "1"])).data();
    assert!(show.contains("State          done") && show.contains("Done           5"), "{show}");
    let said = run(&mut on(&db.url, &["operation", "cancel", "1"]));
    assert!(said.code == Some(1) && said.err.contains("operation 1 has ended: done"), "{said:?}");
    assert!(run(&mut on(&db.url, &["operation", "show", "9"])).err.contains("there is no operation 9"));
}

#[tokio::test]
async fn what_an_operation_skips_is_said_with_the_reason() {
    let db = Db::new().await;
    failed(&db).await;
    db.run(
        r#"update jobs.job set on_end = row('mail.send', '[1]', false, null, null, null, null) where body->'args'->0 in ('1', '2');
              select jobs.publish('mail.send', i_unique => '{"key": 1}')"#,
    )
    .await;
    let said = run(&mut on(&db.url, &["retry", "--topic", "*", "--yes"])).data();
    assert_eq!(said, "retried 3 jobs, skipped 2: 2 key held");
    let show = run(&mut on(&db.url, &["operation", "show", "1"])).data();
    assert_eq!(show.matches("Left out").count(), 2, "{show}");
}

#[tokio::test]
async fn a_job_is_re_driven_by_its_id_once() {
    let db = Db::new().await;
    failed(&db).await;
    let id: String = db.one("select min(job_id) from jobs.job").await;
    let document = run(&mut on(&db.url, &["redrive", &id, "--yes", "--json"])).json();
    let new: String = db.one("select job_id from jobs.job_queue").await;
    assert_eq!((&document["redriven"], &document["new_job_ids"][0]), (&1.into(), &new.as_str().into()));
    let said = run(&mut on(&db.url, &["redrive", &id, "--yes"]));
    assert!(said.code == Some(1) && said.err.contains(&format!("redriven: already, as {new}")), "{said:?}");
    let shown = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    assert!(shown.contains(&format!("re-driven as job {new}")), "{shown}");
    let shown = run(&mut on(&db.url, &["inspect", "job", &new])).data();
    assert!(shown.contains(&format!("\"origin\": \"{id}\"")), "{shown}");
}

#[tokio::test]
async fn a_job_is_edited_and_the_audit_shows_it() {
    let db = Db::new().await;
    let id = run(&mut on(&db.url, &["publish", "mail.send", "--arg", "7"])).data();
    let edit = [
        "edit",
        &id,
        "--args",
        "[8]",
        "--priority",
        "-3",
        "--tag",
        "vip",
        "--retries",
        "9",
        "--timeout",
        "5s",
        "--reason",
        "a typo",
    ];
    assert_eq!(run(&mut on(&db.url, &edit)).data(), format!("edited {id}"));
    let now = "select concat_ws(' ', body->'args', priority, max_retries, timeout, meta) from jobs.job_queue";
    assert_eq!(db.one::<String>(now).await, r#"[8] -3 9 5.00 {"tags": ["vip"]}"#);
    let said = run(&mut on(&db.url, &["edit", "nosuchjob", "--priority", "1"]));
    assert!(said.code == Some(1) && said.err.contains("there is no job 'nosuchjob'"), "{said:?}");
    let audit = run(&mut on(&db.url, &["audit", &id])).data();
    assert!(audit.contains("edit") && audit.contains("a typo"), "{audit}");
    let document = run(&mut on(&db.url, &["audit", "--action", "edit", "--json"])).json();
    assert_eq!(document["audit"][0]["details"]["before"]["body"]["args"][0], 7, "{document}");
    assert_eq!(run(&mut on(&db.url, &["audit", "nobody"])).data(), "nothing was done that the audit has");
}

#[tokio::test]
async fn rules_for_history_are_set_listed_and_dropped() {
    let db = Db::new().await;
    assert!(run(&mut on(&db.url, &["retention", "list"])).data().starts_with("no rules"));
    run(&mut on(&db.url, &["retention", "set", "mail.*", "2", "--state", "success"])).data();
    let document = run(&mut on(&db.url, &["retention", "list", "--json"])).json();
    assert_eq!(
        (&document["rules"][0]["topic"], &document["rules"][0]["days"]),
        (&"mail.*".into(), &2.into())
    );
    let said = run(&mut on(&db.url, &["retention", "set", "*", "400"]));
    assert!(said.code == Some(1) && said.err.contains("history is dropped after 14 days"), "{said:?}");
    run(&mut on(&db.url, &["retention", "drop", "mail.*", "--state", "success"])).data();
    let said = run(&mut on(&db.url, &["retention", "drop", "mail.*"]));
    assert!(said.code == Some(1) && said.err.contains("there is no rule"), "{said:?}");
}
