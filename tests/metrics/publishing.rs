//! What a publisher counts. The recorder is one for the whole test program, so each test has tasks of its own.

use pgjobs::{NewJob, OnConflict, Tx, Unique};
use pgjobs_tests::Db;

use crate::serving::value;

/// The text of `/metrics` of this process.
async fn shown(db: &Db) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = pgjobs::web::metrics(db.pool.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let text = reqwest::get(format!("http://{address}/metrics")).await.unwrap().text().await.unwrap();
    serving.abort();
    text
}

#[tokio::test]
async fn what_is_published_is_counted_with_what_became_of_it() {
    assert!(pgjobs::web::record());
    let db = Db::new().await;
    let of = |outcome: &str| format!(r#"pgjobs_published_total{{task="counted.one",outcome="{outcome}"}}"#);
    let job = || NewJob::named("counted.one").arg(7);
    for _ in 0..2 {
        job().publish(&db.pool).await.unwrap();
        job().unique(Unique::by(1)).publish(&db.pool).await.unwrap();
    }
    job().unique(Unique::by(1).on_conflict(OnConflict::Replace)).publish(&db.pool).await.unwrap();
    let tx = Tx::begin(&db.pool).await.unwrap();
    job().publish(&tx).await.unwrap();
    assert_eq!(value(&shown(&db).await, &of("published")), Some(3.0), "the transaction has not ended");
    tx.commit().await.unwrap();
    let text = shown(&db).await;
    assert_eq!(value(&text, &of("published")), Some(4.0), "{text}");
    assert_eq!(value(&text, &of("existing")), Some(1.0), "{text}");
    assert_eq!(value(&text, &of("replaced")), Some(1.0), "{text}");
}
