//! `limit`.

use pgjobs_tests::Db;
use serde_json::{Value, json};

use crate::app::{on, run};

#[tokio::test]
async fn a_limit_is_made_changed_listed_and_dropped() {
    let db = Db::new().await;
    let empty = run(&mut on(&db.url, &["limit", "list"])).data();
    assert!(empty.starts_with("no limits"), "{empty}");
    let set = [
        "limit", "set", "each", "--topic", "mail.*", "--key", "customer", "--max", "2", "--rate", "100/s",
        "--burst", "20", "--rate", "1000/h", "--cost", "units",
    ];
    assert_eq!(run(&mut on(&db.url, &set)).data(), "each limits mail.*: max 2, 100/s, 1000/h, cost units");
    let saved = run(&mut on(&db.url, &["limit", "list", "--json"])).json();
    let limit = &saved["limits"][0];
    assert_eq!((&limit["key"], &limit["max"], &limit["held"]), (&json!(["customer"]), &json!(2), &json!(0)));
    let changed = ["limit", "set", "each", "--max", "3", "--without", "rates,cost"];
    assert_eq!(run(&mut on(&db.url, &changed)).data(), "each limits mail.*: max 3");
    let line =
        ["limit", "set", "line", "--topic", "post", "--key", "account", "--in-order", "--on-dead", "hold"];
    assert_eq!(run(&mut on(&db.url, &line)).data(), "line limits post: in order (hold)");
    let fair =
        ["limit", "set", "fair", "--topic", "*", "--key", "tenant", "--fair", "--weight", "acme=3", "--json"];
    assert_eq!(run(&mut on(&db.url, &fair)).json()["limit"]["weights"], json!({"acme": 3.0}));
    let listed = run(&mut on(&db.url, &["limit", "list", "--topic", "post"])).data();
    assert!(listed.contains("line") && listed.contains("fair") && !listed.contains("each"), "{listed}");
    let drop = ["limit", "drop", "each"];
    assert_eq!(run(&mut on(&db.url, &drop)).code, Some(2), "asks first");
    assert_eq!(run(on(&db.url, &drop).arg("--yes")).data(), "dropped each");
    let gone = run(on(&db.url, &drop).arg("--yes"));
    assert!(gone.code == Some(1) && gone.err.contains("there is no limit `each`"), "{gone:?}");
}

#[tokio::test]
async fn keys_are_shown_closed_and_opened() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('each', 'mail.*', '{"key": ["customer"], "max": 1}');
           select jobs.publish('mail.send', '{"kwargs": {"customer": "acme"}}') from generate_series(1, 3); select jobs.consume(5)"#,
    )
    .await;
    let shown = run(&mut on(&db.url, &["limit", "show", "each"])).data();
    assert!(
        shown.lines().any(|line| line.split_whitespace().eq([r#"["acme"]"#, "1", "2", "-", "-"])),
        "{shown}"
    );
    let block = ["limit", "block", "each", "acme", "--for", "2h", "--reason", "told to"];
    let said = run(&mut on(&db.url, &block)).data();
    assert!(said.starts_with(r#"closed "acme" of each for another"#), "{said}");
    let shown = run(&mut on(&db.url, &["limit", "show", "each"])).data();
    assert!(shown.contains("for another") && shown.contains(": told to"), "{shown}");
    let json = run(&mut on(&db.url, &["limit", "show", "each", "--json"])).json();
    assert_eq!((&json["keys"][0]["key"], &json["keys"][0]["blocked"]), (&json!(["acme"]), &json!(2)));
    let release = ["limit", "release", "each", r#"["acme"]"#];
    assert_eq!(run(&mut on(&db.url, &release)).data(), r#"opened ["acme"] of each"#);
    let again = run(&mut on(&db.url, &release));
    assert!(again.code == Some(1) && again.err.contains("is not closed"), "{again:?}");
    let none = run(&mut on(&db.url, &["limit", "show", "no"]));
    assert!(none.code == Some(1) && none.err.contains("there is no limit `no`"), "{none:?}");
    assert_eq!(run(&mut on(&db.url, &["limit", "show", "no", "--json"])).code, Some(1));
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let db = Db::new().await;
    for (args, code, said) in [
        (&["limit", "set", "a", "--topic", "a"][..], 1, "it limits nothing"),
        (&["limit", "set", "a", "--max", "1"], 1, "there is no limit 'a'"),
        (&["limit", "set", "a", "--topic", "a", "--rate", "often"], 1, "'often' is no rate"),
        (&["limit", "set", "a", "--topic", "a", "--in-order", "--max", "2"], 2, "--max"),
        (&["limit", "set", "a", "--topic", "a", "--weight", "x"], 2, "a key and its share, such as acme=3"),
        (&["limit", "block", "a", "x"], 2, "--for"),
        (&["limit", "block", "a", "x", "--for", "1m"], 1, "there is no limit 'a'"),
        (&["limit", "release", "a"], 1, "there is no limit 'a'"),
    ] {
        let refused = run(&mut on(&db.url, args));
        assert!(refused.code == Some(code) && refused.err.contains(said), "{args:?}: {refused:?}");
    }
    let document: Value = run(&mut on(&db.url, &["limit", "list", "--json"])).json();
    assert_eq!(document["limits"], json!([]));
}
