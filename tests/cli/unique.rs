//! `publish --unique` and `unique`.

use pgjobs_tests::Db;
use serde_json::json;

use crate::app::{on, run};

#[tokio::test]
async fn publish_says_whether_the_job_is_new() {
    let db = Db::new().await;
    let publish = |unique: &[&str]| {
        let options = [&["publish", "mail.send", "--arg", "7", "--json"], unique].concat();
        run(&mut on(&db.url, &options)).json()
    };
    let first = publish(&["--unique"]);
    assert_eq!(first["outcome"], "published");
    assert_eq!(publish(&["--unique"]), json!({ "job_id": first["job_id"], "outcome": "existing" }));
    assert_eq!(publish(&[r#"--unique={"key": 7, "until": "started"}"#])["outcome"], "published");
    assert!(publish(&[]).get("outcome").is_none(), "nobody asked");
    let said = run(&mut on(&db.url, &["publish", "mail.send", "--arg", "7", "--unique"]));
    assert!(said.err.contains("another job holds its unique key"), "{said:?}");
    assert_eq!(said.out.trim(), first["job_id"].as_str().unwrap());
    let refused = run(&mut on(
        &db.url,
        &["publish", "mail.send", "--unique", r#"{"on_conflict": "refuse"}"#, "--arg", "7"],
    ));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("holds the unique key (pending)"), "{refused:?}");
}

#[tokio::test]
async fn keys_are_listed_and_released() {
    let db = Db::new().await;
    assert_eq!(run(&mut on(&db.url, &["unique", "list"])).data(), "no job holds a unique key");
    let unique = r#"{"key": [7, "eu"], "until": "1 day"}"#;
    let id = run(&mut on(&db.url, &["publish", "mail.send", "--unique", unique])).data();
    run(&mut on(&db.url, &["publish", "other", "--unique"])).data();
    let shown = run(&mut on(&db.url, &["unique", "list", "--topic", "mail.*"])).data();
    assert!(
        shown.contains(r#"[7, "eu"]"#) && shown.contains(&id) && shown.contains("in 23 hours"),
        "{shown}"
    );
    assert!(!shown.contains("other"), "{shown}");
    let keys = run(&mut on(&db.url, &["unique", "list", "--json"])).json();
    assert_eq!(keys["unique_keys"][1]["state"], "pending");
    assert_eq!(keys["unique_keys"][1]["until"], serde_json::Value::Null);
    let release = ["unique", "release", "mail.send", r#"[7, "eu"]"#];
    assert_eq!(run(&mut on(&db.url, &release)).code, Some(2), "asks first");
    let released = run(on(&db.url, &release).args(["--yes", "--json"])).json();
    assert_eq!(released, json!({ "job_id": id }));
    let gone = run(on(&db.url, &release).arg("--yes"));
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(gone.err.contains("no job holds this unique key of 'mail.send'"), "{gone:?}");
}
