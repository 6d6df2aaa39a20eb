//! `bench`.

use pgjobs_tests::{Db, until};

use crate::app::{Running, on, run};

const LEFT: &str = "select count(*) from pg_database where datname like 'pgjobs\\_bench\\_%'";

/// Both tests look at the databases of one server, so they take turns.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn it_measures_in_a_database_of_its_own_and_drops_it() {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let size = ["--jobs", "2000", "--singles", "50", "--latency-samples", "20"];
    let said = run(on(&db.url, &["bench", "--json"]).args(size));
    assert_eq!(said.code, Some(0), "{said:?}");
    let document = said.json();
    for phase in ["bulk_publish", "drain", "single_publish"] {
        assert!(document[phase]["jobs_per_second"].as_f64().unwrap() > 0.0, "{document}");
    }
    assert_eq!(document["pick_up"]["samples"], 20);
    let (p50, max) =
        (document["pick_up"]["p50_ms"].as_f64().unwrap(), document["pick_up"]["max_ms"].as_f64().unwrap());
    assert!(0.0 < p50 && p50 <= max, "{document}");
    assert!(document["settings"]["server_version"].is_string());
    assert_eq!(db.one::<i64>(LEFT).await, 0);

    let text = run(on(&db.url, &["bench"]).args(size)).data();
    assert!(text.contains("jobs/s") && text.contains("p99"), "{text}");
}

#[tokio::test]
async fn ctrl_c_drops_its_database_as_well() {
    let _turn = TURN.lock().await;
    let db = Db::empty().await;
    let bench = Running::start(&mut on(&db.url, &["bench", "--jobs", "5000000"]));
    until("it works", async || {
        db.one::<i64>("select count(*) from pg_stat_activity where datname like 'pgjobs\\_bench\\_%'").await
            > 0
    })
    .await;
    bench.signal("-INT");
    let said = bench.end();
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("interrupted"), "{said:?}");
    assert_eq!(db.one::<i64>(LEFT).await, 0);
}
