//! `/metrics/database`, `/readyz` and `/healthz?deep` of several servers, one of which goes away.

use axum::Router;
use pgjobs::web;
use pgjobs_tests::{Db, Proxy, until};
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::tasks::databases;

/// Two servers, and a process that serves metrics and health of both; the second is reached through a proxy.
struct Two {
    dbs: [Db; 2],
    proxy: Proxy,
    url: String,
}

impl Two {
    async fn start() -> Self {
        let dbs = databases::<2>().await;
        let proxy = Proxy::before(&dbs[1]);
        let through = PgPool::connect_lazy_with(proxy.options(&dbs[1]));
        let servers = [("left".to_owned(), dbs[0].pool.clone()), ("right".to_owned(), through)];
        let router = web::metrics_of_servers(servers.clone()).merge(web::health_of_servers(servers, None));
        Two { dbs, proxy, url: serve(router).await }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Waits until the metrics have these lines; returns all.
    async fn shows(&self, lines: &[&str]) -> String {
        let text = async || self.get("/metrics/database").await.1;
        until(&format!("{lines:?} are there"), async || {
            let text = text().await;
            lines.iter().all(|wanted| text.lines().any(|line| line == *wanted))
        })
        .await;
        text().await
    }
}

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

const BOTH_UP: [&str; 2] = [r#"pgjobs_server_up{server="left"} 1"#, r#"pgjobs_server_up{server="right"} 1"#];

#[tokio::test]
async fn series_of_several_servers_name_them_and_one_that_hangs_is_left_out() {
    let two = Two::start().await;
    for (db, jobs) in two.dbs.iter().zip([2, 3]) {
        db.run(&format!("select jobs.publish('mail.send') from generate_series(1, {jobs})")).await;
    }
    let ready = [
        r#"pgjobs_open_jobs{server="left",state="ready",task="mail.send"} 2"#,
        r#"pgjobs_open_jobs{server="right",state="ready",task="mail.send"} 3"#,
    ];
    let text = two.shows(&[BOTH_UP, ready].concat()).await;
    let series = text.lines().filter(|line| !line.starts_with('#'));
    assert!(series.clone().all(|line| line.contains(r#"server=""#)), "each has its server:\n{text}");
    let types = text.lines().filter(|line| line.starts_with("# TYPE pgjobs_open_jobs ")).count();
    assert_eq!(types, 1, "one family has one head:\n{text}");

    two.proxy.set_stalled(true);
    let text = two.shows(&[r#"pgjobs_server_up{server="right"} 0"#, ready[0]]).await;
    let of_right = text.lines().filter(|line| line.contains(r#"server="right""#)).count();
    assert_eq!(of_right, 1, "nothing old is shown of it:\n{text}");
    two.proxy.set_stalled(false);
    two.shows(&[BOTH_UP, ready].concat()).await;
}

#[tokio::test]
async fn a_process_is_ready_while_one_of_its_servers_answers() {
    let two = Two::start().await;
    assert_eq!(two.get("/readyz").await.0, StatusCode::OK);
    assert_eq!(two.get("/healthz?deep").await.0, StatusCode::OK);
    two.proxy.set_up(false);
    assert_eq!(two.get("/readyz").await.0, StatusCode::OK, "it serves the other one");
    let (status, text) = two.get("/healthz?deep").await;
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(document["reason"], "right: the database does not answer");
    assert!(document["problems"].is_array(), "those of the other one: {text}");
    assert_eq!(two.get("/healthz").await.0, StatusCode::OK, "a new process would not help");
}

#[tokio::test]
async fn a_process_is_not_ready_while_the_schema_of_one_server_is_behind() {
    let two = Two::start().await;
    two.dbs[0].run("update jobs.schema_functions set release = '0.0.1'").await;
    let (status, text) = two.get("/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(text.contains("left: the schema is older than this program"), "{text}");
}

#[tokio::test]
async fn a_process_is_not_ready_when_none_of_its_servers_answers() {
    let dbs = databases::<2>().await;
    let proxies = dbs.each_ref().map(Proxy::before);
    let pools = [0, 1].map(|at| PgPool::connect_lazy_with(proxies[at].options(&dbs[at])));
    let servers = ["left", "right"].map(str::to_owned).into_iter().zip(pools);
    let servers: Vec<_> = servers.collect();
    let url =
        serve(web::metrics_of_servers(servers.clone()).merge(web::health_of_servers(servers, None))).await;
    proxies.iter().for_each(|proxy| proxy.set_up(false));
    let ready = reqwest::get(format!("{url}/readyz")).await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
    let document: Value = serde_json::from_str(&ready.text().await.unwrap()).unwrap();
    assert_eq!(document["reason"], "left: the database does not answer; right: the database does not answer");
    let metrics = reqwest::get(format!("{url}/metrics/database")).await.unwrap();
    assert_eq!(metrics.status(), StatusCode::SERVICE_UNAVAILABLE);
}
