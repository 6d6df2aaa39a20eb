//! What a task declares as sensitive is in no page, no list and no tool; those who may change it see it in the form.

use pgjobs::schemars::JsonSchema;
use pgjobs::serde::{Deserialize, Serialize};
use pgjobs::web::Role;
use pgjobs::{Job, Task, Worker, inspect, task};
use pgjobs_tests::Db;
use tracing_subscriber::prelude::*;

use crate::{Site, id_of};

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(crate = "pgjobs::serde")]
#[schemars(crate = "pgjobs::schemars")]
struct Card {
    holder: String,
    #[schemars(extend("writeOnly" = true))]
    number: String,
}

#[task(name = "dash.charge")]
async fn charge(
    order: i64,
    #[sensitive] token: String,
    cards: Vec<Card>,
    #[sensitive] pin: Option<i32>,
) -> Result<Card, pgjobs::TaskError> {
    let _ = (order, token, pin);
    cards.into_iter().next().ok_or_else(|| "no card".into())
}

/// Says its token wherever a run can say something, and fails with it.
#[task(name = "dash.quote", retries = 1, log = "info")]
async fn quote(
    #[inject] job: &Job,
    #[sensitive] token: String,
    #[sensitive] pin: i64,
) -> Result<(), pgjobs::TaskError> {
    job.progress(1, 2, format!("with {token}").as_str());
    tracing::info!(token, pin, "asking with {token:?}");
    Err(format!("refused: {{\"token\": {token:?}, \"pin\": {pin}}}").into())
}

const SECRETS: [&str; 3] = ["tok-4711", "4242-4242", "31337"];

fn call() -> charge {
    let card = Card { holder: "Mara Lind".to_owned(), number: "4242-4242".to_owned() };
    charge::new(7, "tok-4711".to_owned(), vec![card]).pin(31337)
}

#[tokio::test]
async fn no_page_and_no_tool_shows_what_is_sensitive() {
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("dash.*").start().await.unwrap();
    call().publish(&db.pool).await.unwrap();
    // The same by position and by keyword, as clients of other languages send it.
    db.run(r#"select jobs.publish('dash.charge', '{"args": [8, "tok-4711", [{"holder": "x", "number": "4242-4242"}]], "kwargs": {"pin": 31337}}', now() + interval '1 day')"#).await;
    let site = Site::of(&db, Role::Admin).await;
    let done = "select count(*) from jobs.find('success')";
    while db.one::<i64>(done).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let ids = db.all::<String>("select job_id::text from jobs.find()").await;
    let mut shown: Vec<(String, String)> = Vec::new();
    for id in &ids {
        let path = format!("/jobs/{id}");
        shown.push((path.clone(), site.get(&path).await.ok()));
        let job =
            inspect::job(&db.pool, &serde_json::from_value(serde_json::json!(id)).unwrap()).await.unwrap();
        shown.push((format!("inspect {id}"), serde_json::to_string(&job).unwrap()));
    }
    for path in ["/jobs", "/jobs?state=success", "/jobs?state=scheduled"] {
        shown.push((path.to_owned(), site.get(path).await.ok()));
    }
    for (place, text) in &shown {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {place}: {text}");
        }
    }
    assert!(shown.iter().all(|(place, text)| place.starts_with("/jobs?")
        || text.contains("Mara Lind")
        || text.contains("\"x\"")
        || text.contains("&quot;x&quot;")
        || place == "/jobs"));
    // A search does not find out either.
    let found = site.get("/jobs?state=success&text=tok-4711").await.ok();
    assert!(found.contains("No job matches."), "{found}");
    let found = site.get("/jobs?state=success&text=mara+lind").await.ok();
    assert!(!found.contains("No job matches."), "{found}");
    // Who may change arguments sees them in the form.
    let form = site.get(&format!("/jobs/{}/edit", id_of(&db, "dash.charge").await)).await.ok();
    assert!(form.contains("tok-4711"), "{form}");
    worker.shutdown().await;
}

#[tokio::test]
async fn no_error_log_or_note_of_a_run_has_what_is_sensitive() {
    let _ = tracing_subscriber::registry().with(pgjobs::logs::layer()).try_init();
    let db = Db::new().await;
    let worker = Worker::new(db.pool.clone()).topic("dash.quote").start().await.unwrap();
    let token = "tok \"4711\"\n".to_owned();
    quote::publish(&db.pool, token.clone(), 31_337).await.unwrap();
    let done = "select count(*) from jobs.find('failed')";
    while db.one::<i64>(done).await == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    worker.shutdown().await;
    for (kept, hidden) in [
        ("select traceback from jobs.find()", 2),
        ("select note from jobs.find() f, jobs.progress_of(array[f.job_id::text]) p", 1),
        ("select concat_ws(' ', l.message, l.fields) from jobs.find() f, jobs.job_log(f.job_id) l", 3),
    ] {
        let text: String = db.one(kept).await;
        assert!(!text.contains("4711") && !text.contains("31337"), "{text}");
        assert_eq!(text.matches("(sensitive)").count(), hidden, "{text}");
    }
    let site = Site::of(&db, Role::Admin).await;
    let page = site.get(&format!("/jobs/{}", id_of(&db, "dash.quote").await)).await.ok();
    assert!(page.contains("(sensitive)") && !page.contains("4711"), "{page}");
}
