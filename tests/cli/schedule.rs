//! `schedule`.

use pgjobs_tests::Db;

use crate::app::{Printed, on, run};

fn schedule(db: &Db, arguments: &[&str]) -> Printed {
    run(&mut on(&db.url, &[&["schedule"], arguments].concat()))
}

/// A database whose clock stands at noon, with one schedule.
async fn nightly() -> Db {
    let db = Db::with_clock().await;
    db.run("update jobs.test_clock set at = '2030-06-15 12:00:00+00'").await;
    let set = &[
        "set",
        "nightly",
        "reports.build",
        "--cron",
        "0 3 * * mon-fri",
        "--zone",
        "Europe/Berlin",
        "--arg",
        "7",
    ];
    let said = schedule(&db, set);
    assert!(said.out.contains("At 03:00") && said.out.contains("in Europe/Berlin"), "{said:?}");
    assert!(said.out.contains("Mon 2030-06-17 03:00:00 CEST"), "{said:?}");
    assert!(said.err.contains("no worker ever declared task `reports.build`"), "{said:?}");
    db
}

#[tokio::test]
async fn it_is_made_shown_and_listed() {
    let db = nightly().await;
    let list = schedule(&db, &["list"]).data();
    assert!(list.contains("nightly") && list.contains("reports.build") && list.contains("active"), "{list}");
    let show = schedule(&db, &["show", "nightly"]).data();
    for fact in [
        "At 03:00",
        "0 3 * * mon-fri",
        "Mon 2030-06-17 03:00:00 CEST (in 37 hours)",
        "by hand",
        "its next tick",
    ] {
        assert!(show.contains(fact), "{fact}: {show}");
    }
    let document = schedule(&db, &["show", "nightly", "--json"]).json();
    assert_eq!(document["schedule"]["task"], "reports.build");
    assert_eq!(document["next_ticks"][0], "2030-06-17T01:00:00Z");
    assert!(document["schedule"].get("body").is_none(), "no arguments: {document}");
    assert_eq!(schedule(&db, &["list", "--json", "--name", "x*"]).json()["schedules"], serde_json::json!([]));
}

#[tokio::test]
async fn next_times_are_on_the_clock_of_the_zone() {
    let db = nightly().await;
    let next = schedule(&db, &["next", "nightly", "--num", "2"]).data();
    assert_eq!(next.lines().count(), 2);
    assert!(next.starts_with("Mon 2030-06-17 03:00:00 CEST"), "{next}");
    let line = &[
        "next",
        "--cron",
        "30 2 * * *",
        "--zone",
        "Europe/Berlin",
        "--after",
        "2030-03-30T12:00:00Z",
        "--num",
        "1",
        "--json",
    ];
    let document = schedule(&db, line).json();
    assert_eq!(document["ticks"], serde_json::json!(["2030-03-31T01:00:00Z"]), "the end of the gap");
    assert!(document["english"].as_str().is_some_and(|words| words.contains("02:30")), "{document}");
    let wrong = schedule(&db, &["next", "--cron", "61 * * * *"]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.err.contains("'61' is not within 0 to 59") && wrong.err.contains("five fields"),
        "{wrong:?}"
    );
}

#[tokio::test]
async fn it_is_paused_run_backfilled_and_resumed_and_the_log_says_so() {
    let db = nightly().await;
    schedule(&db, &["pause", "nightly", "--note", "the office moves"]).data();
    let why = schedule(&db, &["explain", "nightly"]).data();
    assert!(why.starts_with("paused ") && why.contains("the office moves"), "{why}");
    let job = schedule(&db, &["run", "nightly"]).data();
    assert_eq!(db.one::<String>("select job_id::text from jobs.pending").await, job);
    let backfill =
        &["backfill", "nightly", "--from", "2030-06-10T00:00:00Z", "--to", "2030-06-14T23:00:00Z", "--json"];
    assert_eq!(schedule(&db, backfill).json()["jobs"].as_array().map(Vec::len), Some(5));
    let resumed = schedule(&db, &["resume", "nightly", "--skip-missed", "--json"]).json();
    assert_eq!(resumed["paused_at"], serde_json::Value::Null);
    let log = schedule(&db, &["log", "nightly", "--json"]).json();
    let outcomes: Vec<&str> =
        log["log"].as_array().unwrap().iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(
        outcomes,
        [
            "resumed",
            "backfilled",
            "backfilled",
            "backfilled",
            "backfilled",
            "backfilled",
            "run",
            "paused",
            "set"
        ]
    );
    let log = schedule(&db, &["log", "nightly", "--num", "3"]).data();
    assert!(log.contains("Tue 2030-06-11") || log.contains("Fri 2030-06-14"), "{log}");
}

#[tokio::test]
async fn it_is_dropped_when_the_user_agrees() {
    let db = nightly().await;
    let asked = schedule(&db, &["drop", "nightly"]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    assert!(asked.err.contains("add --yes"), "{asked:?}");
    assert_eq!(schedule(&db, &["drop", "nightly", "--yes"]).data(), "dropped nightly");
    let gone = schedule(&db, &["show", "nightly"]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("no schedule 'nightly'") && gone.err.contains("jobs.schedules()"), "{gone:?}");
    assert!(schedule(&db, &["list"]).data().contains("no schedules"));
}

#[tokio::test]
async fn wrong_policies_and_times_are_refused_in_words() {
    let db = Db::new().await;
    for (more, code, reason) in [
        (&["--cron", "@daily", "--every", "5m"][..], 2, "cannot be used with"),
        (&[], 2, "--cron"),
        (&["--every", "5m", "--zone", "Europe/Berlin"], 2, "cannot be used with"),
        (&["--every", "5m", "--overlap", "never"], 2, "allow, skip"),
        (&["--every", "500ms"], 1, "1 second"),
        (&["--cron", "0 0 30 2 *"], 1, "never be due"),
        (&["--cron", "@daily", "--zone", "Berlin"], 1, "no time zone"),
    ] {
        let said = schedule(&db, &[&["set", "s", "task"], more].concat());
        assert_eq!(said.code, Some(code), "{more:?}: {said:?}");
        assert!(said.err.contains(reason), "{more:?}: {said:?}");
    }
}
