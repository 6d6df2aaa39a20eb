//! `signal`, and what `explain`, `inspect job` and `check` say of jobs in steps.

use pgjobs_tests::Db;
use serde_json::json;

use crate::app::{on, run};

#[tokio::test]
async fn a_waiting_job_is_explained_shown_and_signalled() {
    let db = Db::new().await;
    db.run("create table effect (id bigint generated always as identity, journey bigint, name text); create table dying (); create table died (journey bigint, point integer, primary key (journey, point))")
        .await;
    let id = run(&mut on(&db.url, &["publish", "app.journey", "--arg", "7"])).data();
    // It sleeps for 50 ms, and then waits.
    let waits = format!("select exists (select from jobs.explain('{id}') where code = 'waits_for_signal')");
    while !db.one::<bool>(&waits).await {
        run(&mut on(&db.url, &["worker", "--topic", "app.journey", "--burst"])).data();
    }
    let explained = run(&mut on(&db.url, &["explain", &id])).data();
    assert!(explained.contains("it waits for the signal 'go/7' until "), "{explained}");
    let shown = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    for part in [
        "step once more done, ",
        "step exactly once done, ",
        "sleep nap done",
        "signal go/7 waiting for another ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let steps = run(&mut on(&db.url, &["inspect", "job", &id, "--json"])).json();
    assert_eq!(
        (&steps["steps"][0]["name"], &steps["steps"][0]["state"]),
        (&json!("once more"), &json!("done"))
    );
    // Steps of an older program, which had another name for one.
    db.run("update jobs.checkpoint set name = 'onse more' where name = 'once more'").await;
    let check = run(&mut on(&db.url, &["check", "--topic", "app.journey"]));
    assert!(
        check.out.contains("steps_unknown app.journey: 1 open job has recorded the step \"onse more\""),
        "{check:?}"
    );
    db.run("update jobs.checkpoint set name = 'once more' where name = 'onse more'").await;
    let send = ["signal", "go/7", "--payload", "\"go\""];
    assert_eq!(run(&mut on(&db.url, &send)).data(), "sent go/7");
    assert_eq!(run(&mut on(&db.url, &send)).data(), "go/7 was sent before: nothing changed");
    let again = run(&mut on(&db.url, &["signal", "go/7", "--json"])).json();
    assert_eq!(again, json!({ "name": "go/7", "is_first": false }));
    run(&mut on(&db.url, &["worker", "--topic", "app.journey", "--burst"])).data();
    let state: String = db.one(&format!("select status from jobs.get('{id}')")).await;
    assert_eq!(state, "success");
}

#[tokio::test]
async fn a_signal_that_cannot_be_sent_is_refused() {
    let db = Db::new().await;
    let refused = run(&mut on(&db.url, &["signal", ""]));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("1 to 200 characters"), "{refused:?}");
    let wrong = run(&mut on(&db.url, &["signal", "go", "--payload", "go"]));
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.err.contains("it is not JSON"), "{wrong:?}");
}
