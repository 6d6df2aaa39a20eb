//! Metrics and log lines that tell servers apart.

use pgjobs::{Worker, web};
use pgjobs_tests::until;
use tokio::net::TcpListener;

use crate::tasks::{Busy, databases, sleep};

#[tokio::test]
async fn metrics_of_several_servers_name_them_but_for_the_slots() {
    let [a, b] = databases().await;
    web::record();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    let router = web::metrics(a.pool.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });

    let worker = Worker::new(a.pool.clone()).server_name("left").server("right", b.pool.clone());
    let worker = worker.topic("busy.sleep").state(Busy::new()).start().await.unwrap();
    sleep::publish(&b.pool, 0).await.unwrap().wait(&b.pool).await.unwrap();
    let shown = r#"pgjobs_settled_total{task="busy.sleep",server="right",outcome="success"} 1"#;
    let text = async || reqwest::get(&url).await.unwrap().text().await.unwrap();
    until("it is counted", async || text().await.contains(shown)).await;
    let text = text().await;
    for series in [
        r#"pgjobs_settled_total{task="busy.sleep",server="left",outcome="success"} 0"#,
        r#"pgjobs_outages_total{server="left"} 0"#,
        r#"pgjobs_worker_slots_used{server="right"}"#,
    ] {
        assert!(text.contains(series), "{series} is not in\n{text}");
    }
    assert!(!text.contains("pgjobs_worker_slots{"), "the slots are those of the worker:\n{text}");
    worker.shutdown().await;
}
