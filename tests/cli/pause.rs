//! `pause`, `resume` and `inspect pauses`.

use pgjobs_tests::Db;
use serde_json::json;

use crate::app::{on, run};

#[tokio::test]
async fn a_topic_is_paused_shown_explained_and_resumed() {
    let db = Db::new().await;
    assert_eq!(run(&mut on(&db.url, &["inspect", "pauses"])).data(), "no topic is paused");
    let pause = ["pause", "mail.*", "--for", "2h", "--note", "the server moves"];
    let said = run(&mut on(&db.url, &pause)).data();
    assert!(said.starts_with("paused mail.* for another "), "{said}");
    let shown = run(&mut on(&db.url, &["inspect", "pauses"])).data();
    assert!(shown.contains("mail.*") && shown.contains("the server moves"), "{shown}");
    let pauses = run(&mut on(&db.url, &["inspect", "pauses", "--json"])).json();
    assert_eq!(pauses["pauses"][0]["note"], "the server moves");
    let id = run(&mut on(&db.url, &["publish", "mail.send"])).data();
    let explained = run(&mut on(&db.url, &["explain", &id])).data();
    assert!(explained.contains("the topic 'mail.*' is paused since"), "{explained}");
    assert_eq!(run(&mut on(&db.url, &["resume", "mail.*", "--json"])).json(), json!({ "topic": "mail.*" }));
    let again = run(&mut on(&db.url, &["resume", "mail.*"]));
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("the topic `mail.*` is not paused"), "{again:?}");
}

#[tokio::test]
async fn a_pause_that_would_be_over_is_refused() {
    let db = Db::new().await;
    let refused = run(&mut on(&db.url, &["pause", "a", "--until", "2001-01-01T00:00:00Z"]));
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("the pause would be over"), "{refused:?}");
    let both = run(&mut on(&db.url, &["pause", "a", "--until", "2100-01-01T00:00:00Z", "--for", "1h"]));
    assert_eq!(both.code, Some(2), "{both:?}");
}
