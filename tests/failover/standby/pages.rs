//! The dashboard.

use std::time::Duration;

use pgjobs::web::axum::Router;
use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::until;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{filled, hold_replay, shown};

/// A dashboard that is served.
pub(super) struct Site(String);

impl Site {
    pub(super) async fn serve(router: Router) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(pgjobs::web::axum::serve(listener, router).into_future());
        Site(url)
    }

    pub(super) async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.0)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Sends a form, and returns the page to which it leads.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, String) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.0));
        let answer = request.header("sec-fetch-site", "same-origin").form(form).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

async fn site(primary: PgPool, standby: PgPool) -> Site {
    let hook = |_: &_| Some(Viewer::new("mara", Role::Admin));
    Site::serve(Dashboard::new(primary).read_from(standby).authenticate(hook).router()).await
}

/// A server that is not there.
fn away() -> PgPool {
    let nowhere = PgConnectOptions::new_without_pgpass().socket("/nowhere").username("nobody");
    PgPoolOptions::new().acquire_timeout(Duration::from_secs(1)).connect_lazy_with(nowhere)
}

#[tokio::test]
async fn every_page_is_read_from_the_standby_alone() {
    let (cluster, primary) = filled().await;
    let id = "select max(job_id)::text from jobs.\"all\" where task = $1";
    let [open, ended]: [String; 2] = [
        sqlx::query_scalar(id).bind("mail.a").fetch_one(&primary).await.unwrap(),
        sqlx::query_scalar(id).bind("mail.bad").fetch_one(&primary).await.unwrap(),
    ];
    let site = site(away(), cluster.other.clone()).await;
    let pages = [
        "/",
        "/jobs",
        "/jobs?state=failed&error=timed",
        "/jobs/act?do=retry&all=1&state=failed",
        "/operations",
        "/operations/1",
        "/tasks",
        "/tasks/mail.run",
        "/topics",
        "/topics/bill.*",
        "/limits",
        "/limits/few",
        "/schedules",
        "/schedules/nightly",
        "/workers",
        "/workflows",
        "/workflows/1",
        "/errors",
        "/database",
        "/audit",
    ];
    let pages = pages.into_iter().map(str::to_owned);
    let of_jobs = [format!("/jobs/{open}"), format!("/jobs/{ended}"), format!("/jobs/{open}/edit")];
    for path in pages.chain(of_jobs) {
        let (status, text) = site.get(&path).await;
        assert_eq!(status, 200, "{path}: {text}");
        assert!(text.contains("standby, 0 s old"), "{path} says how old it is: {text}");
    }
}

#[tokio::test]
async fn a_change_is_made_on_the_primary_and_the_page_after_it_shows_it() {
    let (cluster, primary) = filled().await;
    let site = site(primary, cluster.other.clone()).await;
    for nth in 0..20 {
        let topic = format!("shop{nth}.*");
        let form = [("topic", topic.as_str()), ("reason", "inventory")];
        let (status, page) = site.post("/topics/pause", &form).await;
        assert!(status == 200 && page.contains(&topic), "{page}");
    }
}

#[tokio::test]
async fn a_page_of_a_late_standby_says_how_old_it_is() {
    let (cluster, primary) = filled().await;
    let site = site(primary.clone(), cluster.other.clone()).await;
    hold_replay(&cluster, true).await;
    super::run(&primary, "select jobs.publish('mail.new')").await;
    until("it says so", async || site.get("/").await.1.contains("standby, 6 s old")).await;
    let (_, page) = site.get("/jobs").await;
    assert!(page.contains("id=\"age\"") && !page.contains("mail.new"), "{page}");
    hold_replay(&cluster, false).await;
    shown(&cluster, &primary).await;
    until("it shows the present", async || site.get("/jobs").await.1.contains("mail.new")).await;
}

#[tokio::test]
async fn while_the_standby_is_away_the_primary_is_not_read_instead() {
    let (_cluster, primary) = filled().await;
    let site = site(primary, away()).await;
    let (status, page) = site.get("/jobs").await;
    assert_eq!(status, 503, "{page}");
    for part in ["The standby does not answer", "Jobs are not affected", "without --read-dsn"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
