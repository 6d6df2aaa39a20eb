//! `control`, and `cancel` of what runs.

use pgjobs::{NewJob, Worker};
use pgjobs_tests::{Db, until};

use crate::app::{on, run};

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_sent_waited_for_and_listed() {
    let db = Db::new().await;
    let running = Worker::new(db.pool.clone()).topic("control.cli").start().await.unwrap();
    let control = |arguments: &[&str]| run(&mut on(&db.url, &[&["control"], arguments].concat()));
    let said = control(&["slots", "3", "--topic", "control.*", "--reason", "night", "--wait"]).data();
    assert!(
        said.contains("slots from 16 to 3") && said.contains("night") && said.contains("applied"),
        "{said}"
    );
    let json = control(&["pause", "--all", "--wait", "20", "--json"]).json();
    assert_eq!(json["receipts"][0]["state"], "applied");
    let workers = run(&mut on(&db.url, &["inspect", "workers", "--json"])).json();
    until("it is shown", async || {
        let workers = run(&mut on(&db.url, &["inspect", "workers"])).data();
        workers.contains("paused")
    })
    .await;
    let id = workers["workers"][0]["id"].as_str().unwrap();
    let listed = control(&["receipts", "--worker", id]).data();
    assert!(listed.lines().count() == 3 && listed.contains("paused: 0 jobs running"), "{listed}");
    // Of a program that has not said how to change its log.
    let refused = control(&["log", "debug", "--worker", id, "--wait"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.err.contains("1 of 1 workers did not apply it") && refused.out.contains("on_log"),
        "{refused:?}"
    );
    assert_eq!(control(&["drain", "--all", "--wait"]).code, Some(0));
    running.wait().await;
    let nobody = control(&["ping", "--all"]);
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.err.contains("no living worker is meant"), "{nobody:?}");
    let unknown = control(&["ping", "--worker", id]);
    assert!(unknown.code == Some(1) && unknown.err.contains("there is no living worker"), "{unknown:?}");
}

/// Adds.
#[pgjobs::task(name = "control.cli")]
async fn add(a: i64, b: i64) -> Result<i64, pgjobs::TaskError> {
    Ok(a + b)
}

#[tokio::test]
async fn the_log_of_a_worker_of_the_command_line_is_changed() {
    use std::process::Stdio;
    let db = Db::new().await;
    let mut worker = on(&db.url, &["worker", "--topic", "app.add"]);
    let mut worker = worker.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("it is there", async || !pgjobs::inspect::workers(&db.pool).await.unwrap().is_empty()).await;
    let said = run(&mut on(&db.url, &["control", "log", "warn,pgjobs=debug", "--all", "--wait"])).data();
    assert!(said.contains("logs by warn,pgjobs=debug"), "{said}");
    let wrong = run(&mut on(&db.url, &["control", "log", "=====", "--all", "--wait"]));
    assert!(wrong.code == Some(1) && wrong.out.contains("not a log filter"), "{wrong:?}");
    assert_eq!(run(&mut on(&db.url, &["control", "stop", "--all", "--wait"])).code, Some(0));
    assert_eq!(worker.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn cancel_takes_a_reason_and_a_grace() {
    let db = Db::new().await;
    let job = NewJob::named("later").publish(&db.pool).await.unwrap();
    let id = job.id().to_string();
    let said = run(&mut on(&db.url, &["cancel", &id, "--yes", "--reason", "wrong prices", "--grace", "1m"]));
    assert_eq!(said.data(), "cancelled 1 job");
    let shown = run(&mut on(&db.url, &["inspect", "job", &id])).data();
    assert!(shown.contains("wrong prices"), "{shown}");
    let explained = run(&mut on(&db.url, &["explain", &id])).data();
    assert!(explained.contains("cancelled by") && explained.contains("wrong prices"), "{explained}");
    assert_eq!(db.one::<String>("select details ->> 'grace_seconds' from jobs.audit").await, "60");
    let wrong = run(&mut on(&db.url, &["cancel", &id, "--yes", "--grace", "2h"]));
    assert!(wrong.err.contains("within 0 and 3600 seconds"), "{wrong:?}");
}

#[tokio::test]
async fn the_grace_of_a_cancel_is_that_of_sql_where_none_is_given() {
    let db = Db::new().await;
    let default = db.one::<f64>("select jobs._grace()").await;
    for (given, grace) in [(&["--grace", "1m"][..], 60.0), (&[], default)] {
        let id = NewJob::named("later").publish(&db.pool).await.unwrap().id().to_string();
        NewJob::named("later").publish(&db.pool).await.unwrap();
        for which in [&[id.as_str()][..], &["--topic", "later"]] {
            let said = run(&mut on(&db.url, &[&["cancel", "--yes"], which, given].concat()));
            assert_eq!(said.data(), "cancelled 1 job");
            let told =
                "select (details ->> 'grace_seconds')::float8 from jobs.audit order by id desc limit 1";
            assert_eq!(db.one::<f64>(told).await, grace, "{which:?} {given:?}");
        }
    }
}
