//! `worker`.

use pgjobs_tests::{Db, until};

use crate::app::{Running, on, run};

fn publish(db: &Db, arguments: &[&str]) -> String {
    run(on(&db.url, &["publish"]).args(arguments)).data()
}

#[tokio::test]
async fn a_burst_works_off_what_is_due_and_reports() {
    let db = Db::new().await;
    publish(&db, &["app.add", "--args", "[1, 2]"]);
    publish(&db, &["app.count"]);
    publish(&db, &["app.broken"]);
    publish(&db, &["app.add", "--args", "[1, 2]", "--delay", "1h"]);
    let said = run(&mut on(&db.url, &["worker", "--burst", "--json"]));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("app.add(a: i64, b: i64)"), "it lists its tasks: {said:?}");
    assert!(said.err.contains("task=app.broken"), "a failure names its task: {said:?}");
    let report = said.json();
    assert_eq!((&report["succeeded"], &report["failed"]), (&2.into(), &1.into()));
    assert_eq!(db.one::<i64>("select count(*) from jobs.job_queue").await, 1, "the scheduled one is left");

    let said = run(&mut on(&db.url, &["worker", "--burst", "--quiet"]));
    assert_eq!(said.err, "");
    assert!(said.data().contains("succeeded"));
}

/// Who it is and what it will do, on lines for people or as documents for programs.
#[tokio::test]
async fn it_says_at_its_start_what_it_will_do() {
    let db = Db::new().await;
    let said = run(&mut on(&db.url, &["worker", "--burst", "--topic", "app.*", "--concurrency", "3"]));
    assert!(said.err.contains(" process ") && said.err.contains(", 3 slots, app.*"), "{said:?}");
    assert!(
        said.err.contains("database `") && said.err.contains("app at work on:\n  app.abort()\n"),
        "{said:?}"
    );
    assert!(said.err.contains(" INFO "), "what is logged from `info` on is shown: {said:?}");
    let said = run(&mut on(&db.url, &["worker", "--burst", "--log", "json"]));
    let logged = said.err.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    assert!(
        logged.into_iter().any(|event| event["level"] == "INFO" && event["message"].is_string()),
        "{said:?}"
    );
}

#[tokio::test]
async fn options_that_cannot_be_meant_are_refused_before_it_says_anything() {
    let db = Db::new().await;
    for (option, value) in [("--concurrency", "0"), ("--lease", "10ms"), ("--poll", "2m")] {
        let said = run(&mut on(&db.url, &["worker", option, value]));
        assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{said:?}");
        assert!(said.err.contains(&option[2..]), "{said:?}");
    }
}

#[tokio::test]
async fn topics_restrict_it() {
    let db = Db::new().await;
    publish(&db, &["app.add", "--args", "[1, 2]"]);
    publish(&db, &["app.count"]);
    let said = run(&mut on(&db.url, &["worker", "--burst", "--topic", "app.c*", "--json"]));
    assert!(!said.err.contains("app.add"), "{said:?}");
    assert_eq!(said.json()["succeeded"], 1);
    let said = run(&mut on(&db.url, &["worker", "--topic", "nothing.*"]));
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("nothing.*"), "{said:?}");
}

#[tokio::test]
async fn its_options_reach_the_worker() {
    let db = Db::new().await;
    let options = ["--concurrency", "3", "--lease", "20s", "--grace", "1s", "--poll", "500ms", "--no-listen"];
    let worker = Running::start(on(&db.url, &["worker"]).args(options));
    until("it registers", async || db.one::<i64>("select count(*) from jobs.workers()").await == 1).await;
    assert_eq!(db.one::<i32>("select slots from jobs.workers()").await, 3);
    publish(&db, &["app.slow", "--arg", "60"]);
    until("it runs", async || db.one::<i64>("select count(*) from jobs.running").await == 1).await;
    worker.signal("-INT");
    let said = worker.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        db.one::<i64>("select count(*) from jobs.job_queue where run_at is null").await,
        1,
        "handed back"
    );
    let said = run(&mut on(&db.url, &["worker", "--poll", "1h"]));
    assert_eq!(said.code, Some(2), "out of range: {said:?}");
}

/// Its tasks ask for the pool, and with fewer connections than slots their runs may wait for one.
#[tokio::test]
async fn the_pool_of_the_tasks_is_as_large_as_it_is_told_to_be() {
    let db = Db::new().await;
    let warns = |more: &[&str]| {
        let said = run(on(&db.url, &["worker", "--burst", "--concurrency", "60"]).args(more));
        assert_eq!(said.code, Some(0), "{said:?}");
        said.err.contains("the pool has fewer connections than the worker has slots")
    };
    assert!(warns(&[]) && warns(&["--pool-size", "59"]) && !warns(&["--pool-size", "60"]));
    let said = run(&mut on(&db.url, &["worker", "--burst", "--pool-size", "0"]));
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[tokio::test]
async fn it_migrates_when_told_to() {
    let db = Db::empty().await;
    let said = run(&mut on(&db.url, &["worker", "--burst", "--auto-migrate"]));
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// A server that answers, if not as expected, is there: only the call is told of, and its connection goes on.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_outage() {
    let db = Db::new().await;
    db.run("drop function jobs.count_workers(uuid)").await;
    db.run(
        "create function jobs.count_workers(i_worker uuid) returns table (alive bigint, idle bigint)
         language sql as 'select 1::bigint, 1::bigint'",
    )
    .await;
    publish(&db, &["app.slow", "--arg", "1.5"]);
    let said = run(&mut on(&db.url, &["worker", "--burst"]));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.err.contains("does not take a call") && said.err.contains("call=Count"), "{said:?}");
    assert!(said.err.contains("cannot be read"), "{said:?}");
    assert!(!said.err.contains("does not answer") && !said.err.contains("is back"), "{said:?}");
}
