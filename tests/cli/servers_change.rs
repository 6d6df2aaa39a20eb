//! Servers that come and go, and the programs that go on over several.

use pgjobs_tests::{Db, until};
use serde_json::Value;

use crate::app::{Running, bare, on, run};
use crate::servers::{Servers, listed};

#[tokio::test]
async fn the_list_says_what_each_server_does() {
    let servers = Servers::new().await;
    run(&mut servers.on(&["publish", "mail.send", "--on", "eu"])).data();
    servers.us.run("select jobs.set_draining(true, 'its machine goes')").await;
    let all = format!("{} gone=postgresql://ana@127.0.0.1:1/shop", servers.both());
    let said = run(&mut listed(&all, &["servers", "list", "--json"]));
    assert_eq!(said.code, Some(0), "{said:?}");
    let document = said.json();
    let row = |nth: usize| &document["servers"][nth];
    assert_eq!(
        (&row(0)["server"], &row(0)["state"], &row(0)["ready"]),
        (&"eu".into(), &"up".into(), &1.into())
    );
    assert_eq!((&row(0)["migrations_pending"], &row(0)["workers"]), (&0.into(), &0.into()), "{document}");
    assert!(row(0)["oldest_ready"].is_string() && row(0)["postgres"].is_string(), "{document}");
    assert_eq!(
        (&row(1)["state"], &row(1)["draining"]["note"]),
        (&"draining".into(), &"its machine goes".into())
    );
    assert_eq!(row(2)["state"], "away");
    assert!(row(2)["reason"].as_str().is_some_and(|reason| reason.contains("cannot reach")), "{document}");
    let text = run(&mut listed(&all, &["servers", "list"])).data();
    for word in ["Server", "eu ", "draining", "its machine goes", "away", "of this release"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let single = run(&mut on(&servers.eu.url, &["servers", "list", "--json"])).json();
    assert_eq!(
        (&single["servers"][0]["server"], &single["servers"][0]["state"]),
        (&"main".into(), &"up".into())
    );
}

#[tokio::test]
async fn a_server_is_added_by_a_check_and_the_order_of_the_rest() {
    let servers = Servers::new().await;
    let new = Db::empty().await;
    let said = run(&mut servers.on(&["servers", "add", &format!("ap={}", new.url)]));
    let text = said.data();
    for part in [
        "server ap is ready: database",
        "1. workers: add it to PGJOBS_SERVERS",
        "2. publishers:",
        "one in 3 moves",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(new.one::<bool>("select to_regclass('jobs.config') is not null").await, "its schema is there");
    let tasks = "select count(*) from jobs.task where name = 'app.add'";
    assert_eq!(new.one::<i64>(tasks).await, 1, "and the tasks of this program are declared");
    let again = run(&mut servers.on(&["servers", "add", &format!("ap={}", new.url), "--json"])).json();
    assert_eq!((&again["migrations"], &again["servers"]), (&Value::from(Vec::<u8>::new()), &3.into()));

    let twin = run(&mut servers.on(&["servers", "add", &format!("ap={}", servers.us.url)]));
    assert!(
        twin.code == Some(2) && twin.err.contains("ap is the database that is called us already"),
        "{twin:?}"
    );
    let taken = run(&mut servers.on(&["servers", "add", &format!("eu={}", new.url)]));
    assert!(taken.code == Some(2) && taken.err.contains("there is a server eu already"), "{taken:?}");
    let unknown = run(&mut servers.on(&["servers", "add", "ap"]));
    assert!(unknown.code == Some(2) && unknown.err.contains("no server is called ap"), "{unknown:?}");
    run(&mut servers.on(&["servers", "add", "us"])).data();
}

#[tokio::test]
async fn a_drain_waits_until_nothing_is_left_and_can_be_undone() {
    let servers = Servers::new().await;
    servers.us.run("select jobs.set_schedule('nightly', 'a.b', i_cron => '0 3 * * *')").await;
    let id = run(&mut servers.on(&["publish", "app.nobody", "--on", "us"])).data();
    let now = run(&mut servers.on(&["servers", "drain", "us", "--note", "it goes", "--json"]));
    assert!(now.code == Some(0) && now.err.contains("1 schedule publishes jobs on it"), "{now:?}");
    let document = now.json();
    assert_eq!(
        (&document["left"]["pending"], &document["removable"]),
        (&1.into(), &false.into()),
        "{document}"
    );
    let note = "select note from jobs.draining()";
    assert_eq!(servers.us.one::<String>(note).await, "it goes");
    let interrupted = Running::start(&mut servers.on(&["servers", "drain", "us", "--wait", "--json"]));
    let mut interrupted = interrupted;
    interrupted.error_line("1 pending");
    interrupted.signal("-INT");
    let interrupted = interrupted.end();
    assert_eq!(interrupted.code, Some(130), "{interrupted:?}");
    assert_eq!(interrupted.json()["removable"], false);
    let waiting = Running::start(&mut servers.on(&["servers", "drain", "us", "--wait"]));
    run(&mut servers.on(&["cancel", &id, "--yes", "--on", "us"])).data();
    let waited = waiting.end();
    assert_eq!(waited.code, Some(0), "{waited:?}");
    assert_eq!(servers.us.one::<String>(note).await, "it goes", "a further call keeps the note");
    let since = "select extract(epoch from now() - since)::float8 from jobs.draining()";
    assert!(servers.us.one::<f64>(since).await >= 10.0, "publishers look every five seconds");
    assert!(waited.out.contains("servers drain us --wait` again"), "{waited:?}");
    assert!(waited.out.contains("draining and empty: it may be removed"), "{waited:?}");
    assert!(waited.out.contains("gone with it: 1 schedule and the history of 1 job"), "{waited:?}");
    run(&mut servers.on(&["servers", "drain", "us", "--undo"])).data();
    assert_eq!(servers.us.one::<i64>("select count(*) from jobs.draining()").await, 0);
    let audit = "select count(*) from jobs.audit_log(i_action => 'set_draining')";
    assert_eq!(servers.us.one::<i64>(audit).await, 2);
    let said = run(&mut on(&servers.us.url, &["servers", "drain", "us"]));
    assert!(said.code == Some(2) && said.err.contains("no servers are named"), "{said:?}");
}

#[tokio::test]
async fn a_drain_takes_its_server_by_the_argument_alone() {
    let servers = Servers::new().await;
    let said = run(&mut servers.on(&["servers", "drain", "us", "--on", "eu"]));
    assert!(said.code == Some(2) && said.err.contains("leave --on out"), "{said:?}");
    let said = run(&mut servers.on(&["servers", "drain", "nope"]));
    assert!(
        said.code == Some(2) && said.err.contains("no server is called nope: there are eu, us"),
        "{said:?}"
    );
    let said = run(&mut servers.on(&["servers", "drain", "us", "--json"])).json();
    assert_eq!(said["removable"], false, "empty, and nobody knows yet: {said}");
}

#[tokio::test]
async fn a_server_whose_tables_are_locked_keeps_nobody_else_waiting() {
    let servers = Servers::new().await;
    run(&mut servers.on(&["publish", "mail.send", "--on", "eu"])).data();
    let mut held = servers.us.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.pending in access exclusive mode").execute(&mut *held).await.unwrap();
    let said = run(&mut servers.on(&["inspect", "--json"]));
    assert_eq!(said.code, Some(4), "{said:?}");
    let document = said.json();
    assert_eq!(
        (&document["tasks"][0]["server"], &document["away"][0]["server"]),
        (&"eu".into(), &"us".into())
    );
    held.rollback().await.unwrap();
}

#[tokio::test]
async fn a_server_beside_the_one_database_is_not_that_database() {
    let db = Db::new().await;
    let twin = run(&mut on(&db.url, &["servers", "add", &format!("us={}", db.url)]));
    assert!(twin.code == Some(2) && twin.err.contains("the database that is called main"), "{twin:?}");
}

#[tokio::test]
async fn a_worker_runs_the_jobs_of_all_servers_and_measures_each() {
    let servers = Servers::new().await;
    let all = format!("{} gone=postgresql://ana@127.0.0.1:1/shop", servers.both());
    let ids: Vec<String> = ["eu", "us"]
        .into_iter()
        .map(|name| run(&mut servers.on(&["publish", "app.add", "--args", "[1, 2]", "--on", name])).data())
        .collect();
    let worker = Running::start(&mut listed(&all, &["worker", "--metrics", "127.0.0.1:0", "--json"]));
    for (db, id) in [(&servers.eu, &ids[0]), (&servers.us, &ids[1])] {
        let done =
            format!("select exists (select from jobs.job where job_id = '{id}' and status = 'success')");
        until("its job has run", async || db.one::<bool>(&done).await).await;
    }
    let workers = run(&mut servers.on(&["inspect", "workers", "--json"])).json();
    assert_eq!(workers["workers"].as_array().map(Vec::len), Some(2), "one on each: {workers}");
    let alive = run(&mut servers.on(&["inspect", "--json"])).json()["workers"].clone();
    assert_eq!((&alive["alive"], &alive["slots"]), (&1.into(), &16.into()), "one process, its slots shared");
    let top = run(&mut servers.on(&["top", "--once", "--json"])).json()["totals"].clone();
    assert_eq!((&top["workers"], &top["slots"]), (&1.into(), &16.into()));
    worker.signal("-INT");
    let ended = worker.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("server eu, database") && ended.err.contains("server gone"), "{ended:?}");
}

#[tokio::test]
async fn a_burst_without_a_server_names_it_and_says_that_it_is_not_migrated() {
    let servers = Servers::new().await;
    let all = format!("{} gone=postgresql://ana@127.0.0.1:1/shop", servers.both());
    let said = run(&mut listed(&all, &["worker", "--burst", "--auto-migrate"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("could not be reached at its start, and may have jobs: gone;"), "{said:?}");
    assert!(said.err.contains("server gone is not migrated"), "{said:?}");
}

#[tokio::test]
async fn a_worker_of_one_of_the_servers_leaves_the_others_alone() {
    let servers = Servers::new().await;
    for name in ["eu", "us"] {
        run(&mut servers.on(&["publish", "app.add", "--args", "[1, 2]", "--on", name])).data();
    }
    let said = run(&mut servers.on(&["worker", "--burst", "--on", "us", "--json"]));
    assert_eq!((said.code, &said.json()["succeeded"]), (Some(0), &1.into()), "{said:?}");
    assert_eq!(servers.eu.one::<i64>("select count(*) from jobs.job_queue").await, 1);
}

#[tokio::test]
async fn a_dashboard_starts_over_the_servers_that_answer() {
    let servers = Servers::new().await;
    let all = format!("{} gone=postgresql://ana@127.0.0.1:1/shop", servers.both());
    let mut dashboard =
        Running::start(&mut listed(&all, &["dashboard", "--listen", "127.0.0.1:0", "--json"]));
    let document: Value = serde_json::from_str(&dashboard.line()).expect("one document");
    let url = document["url"].as_str().expect("an address");
    assert!(
        crate::dashboard::get(url, "/s/eu/jobs").starts_with("HTTP/1.1 303"),
        "nobody looks without a login"
    );
    dashboard.signal("-INT");
    let ended = dashboard.end();
    assert!(ended.code == Some(0) && ended.err.contains("server gone is tried again"), "{ended:?}");
    assert_eq!(run(&mut bare(&["dashboard", "--on", "eu"])).code, Some(3), "no database is named");
}
