//! Several servers: a page over all of them, the pages of each, and one that is away.

use std::time::{Duration, Instant};

use pgjobs::web::{Dashboard, Role, Users, Viewer};
use pgjobs_tests::{Db, Proxy, until};
use reqwest::StatusCode;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::{FETCH_SITE, Site, fill, id_of};

/// Two servers, of which `eu` has jobs.
struct Servers {
    eu: Db,
    us: Db,
}

impl Servers {
    async fn new() -> Self {
        let servers = Servers { eu: Db::new().await, us: Db::new().await };
        fill(&servers.eu).await;
        servers
    }

    fn dashboard(&self) -> Dashboard {
        Dashboard::new(self.eu.pool.clone()).server_name("eu").server("us", self.us.pool.clone())
    }

    /// The dashboard for somebody of this role, with a third server that is away.
    async fn site(&self, role: Role) -> Site {
        let hook = move |_: &_| Some(Viewer::new("mara", role));
        Site::serve(self.dashboard().server("gone", away()).authenticate(hook).router()).await
    }
}

/// A pool on a server that nobody runs; it gives up later than any page may take.
fn away() -> PgPool {
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(60));
    pool.connect_lazy("postgresql://ana:canary4D@127.0.0.1:1/shop").expect("an address")
}

#[tokio::test]
async fn the_start_page_is_over_all_servers_and_says_which_is_away() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Viewer).await;
    until("two have answered", async || site.get("/").await.ok().contains("<b>2 of 3</b> servers answer"))
        .await;
    let page = site.get("/").await.ok();
    for name in ["eu", "us", "gone"] {
        assert!(page.contains(&format!("<a href=\"/s/{name}\">{name}</a>")), "{name}: {page}");
    }
    assert!(page.contains("<a href=\"/s/eu/jobs?state=ready\">1</a>"), "{page}");
    assert!(page.contains("no answer within ") && !page.contains("canary4D"), "{page}");
    assert!(page.contains("data-stream=\"/live?of=%2F\""), "it lives: {page}");
    servers.us.run("select jobs.set_draining(true, 'it goes in May')").await;
    until("its state is shown", async || {
        let page = site.get("/").await.ok();
        page.contains("draining") && page.contains("it goes in May")
    })
    .await;
}

#[tokio::test]
async fn schedules_of_all_servers_are_on_a_page_the_next_first() {
    let servers = Servers::new().await;
    servers.eu.run("select jobs.set_schedule('late', 'mail.send', i_every => '2 days')").await;
    servers.us.run("select jobs.set_schedule('soon', 'mail.send', i_every => '1 hour')").await;
    let site = servers.site(Role::Viewer).await;
    let place = |page: &str, link: &str| page.find(&format!("href=\"{link}\""));
    until("two have answered", async || {
        let page = site.get("/schedules").await.ok();
        let (soon, late) = (place(&page, "/s/us/schedules/soon"), place(&page, "/s/eu/schedules/late"));
        soon.is_some() && late.is_some() && soon < late
    })
    .await;
    let page = site.get("/schedules").await.ok();
    assert!(page.contains("gone") && page.contains("no answer within "), "{page}");
}

#[tokio::test]
async fn each_server_has_all_its_pages_under_its_name() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Admin).await;
    let (id, page) = (id_of(&servers.eu, "mail.bad").await, site.get("/s/eu/jobs?state=failed").await.ok());
    assert!(page.contains(&format!("href=\"/s/eu/jobs/{id}\"")), "{page}");
    assert!(page.contains("data-stream=\"/s/eu/live?of="), "{page}");
    assert!(page.contains("<title>Jobs, failed · eu · pgjobs · pgjobs</title>"), "{page}");
    assert!(page.contains("<a href=\"/s/us/jobs\">us</a>"), "the other server's jobs: {page}");
    assert!(site.get(&format!("/s/eu/jobs/{id}")).await.ok().contains("timed out: no answer"));
    assert_eq!(site.get(&format!("/s/us/jobs/{id}")).await.status, StatusCode::NOT_FOUND);
    for path in [
        "/s/us",
        "/s/us/",
        "/s/us/tasks",
        "/s/us/workers",
        "/s/us/schedules",
        "/s/us/database",
        "/s/us/audit",
    ] {
        site.get(path).await.ok();
    }
    for path in ["/s/nowhere", "/s/nowhere/jobs", "/s/", "/s", "/s/%ff", "/tasks", "/s/eu/s/us"] {
        assert_eq!(site.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_change_is_made_on_the_server_whose_page_it_is() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Operator).await;
    let to = site.post("/s/us/topics/pause", &[("topic", "mail.*")]).await.to().to_owned();
    assert!(to.starts_with("/s/us/topics"), "{to}");
    let paused = "select count(*) from jobs.pauses()";
    assert_eq!((servers.eu.one::<i64>(paused).await, servers.us.one::<i64>(paused).await), (0, 1));
    let refused = site.post("/topics/pause", &[("topic", "mail.*")]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "over all servers nothing is changed");
    let viewer = servers.site(Role::Viewer).await;
    assert_eq!(viewer.post("/s/us/topics/pause", &[("topic", "a")]).await.status, StatusCode::FORBIDDEN);
    for path in ["/s/us/topics/pause", "/s/us/jobs/cancel"] {
        let forged = site.raw("POST", path).header(FETCH_SITE, "cross-site").form(&[("topic", "a")]);
        assert_eq!(forged.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{path}");
    }
    let stream = site.raw("GET", "/s/us/live?of=/").header(FETCH_SITE, "cross-site").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::FORBIDDEN, "nor is a stream opened from elsewhere");
}

#[tokio::test]
async fn a_server_that_is_away_holds_up_no_page_of_the_others() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Operator).await;
    for _ in 0..3 {
        site.get("/").await.ok();
        let begun = Instant::now();
        site.get("/s/eu/jobs").await.ok();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    let begun = Instant::now();
    let page = site.get("/s/gone/jobs").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "it does not wait for its pool: {:?}",
        begun.elapsed()
    );
    assert!(
        page.text.contains("The database does not answer") && page.text.contains("href=\"/s/eu\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains("canary4D"), "{}", page.text);
}

/// Through a proxy that can lose connections, by a pool that tries them for a second.
fn through(proxy: &Proxy, db: &Db) -> PgPool {
    PgPoolOptions::new().acquire_timeout(Duration::from_secs(1)).connect_lazy_with(proxy.options(db))
}

#[tokio::test]
async fn a_server_is_back_after_its_connections_were_lost_in_mid_query() {
    let servers = Servers::new().await;
    let proxy = Proxy::before(&servers.us);
    let hook = |_: &_| Some(Viewer::new("mara", Role::Viewer));
    let dashboard = Dashboard::new(servers.eu.pool.clone()).server_name("eu");
    let dashboard = dashboard.server("us", through(&proxy, &servers.us)).authenticate(hook);
    let site = Site::serve(dashboard.router()).await;
    until("it answers", async || site.get("/s/us/jobs").await.status == StatusCode::OK).await;
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    let mut held = servers.us.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.pending in access exclusive mode").execute(&mut *held).await.unwrap();
    until("a question is under way", async || {
        let _ = tokio::time::timeout(Duration::from_millis(100), site.get("/")).await;
        servers.us.one::<i64>(waiting).await > 0
    })
    .await;
    proxy.lose();
    held.rollback().await.unwrap();
    until("it is back", async || site.get("/s/us/jobs").await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn what_a_server_refuses_is_not_shown_as_an_outage() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Operator).await;
    until("it answers", async || site.get("/s/us/jobs").await.status == StatusCode::OK).await;
    let mut held = servers.us.pool.begin().await.unwrap();
    sqlx::raw_sql("lock table jobs.pending in access exclusive mode").execute(&mut *held).await.unwrap();
    let (slow, _) = tokio::join!(site.get("/s/us/jobs"), site.get("/"));
    assert_eq!(slow.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(slow.text.contains("It took too long"), "also while somebody looks at all: {}", slow.text);
    held.rollback().await.unwrap();
    servers.us.run("drop schema jobs cascade").await;
    let page = site.get("/s/us/jobs").await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST, "{}", page.text);
    assert!(page.text.contains("It was refused") && page.text.contains("migrate"), "{}", page.text);
    let all = site.get("/").await.ok();
    assert!(all.contains(" in trouble") && all.contains("pgjobs migrate"), "{all}");
}

#[tokio::test]
async fn one_login_is_for_all_servers_and_leads_back() {
    let servers = Servers::new().await;
    let users = Users::one("mara", Role::Operator, "opensesame");
    let site = Site::serve(servers.dashboard().login(users).router()).await;
    assert_eq!(site.get("/s/us/jobs?state=ready").await.to(), "/login?to=%2Fs%2Fus%2Fjobs%3Fstate%3Dready");
    let form = [("name", "mara"), ("password", "opensesame"), ("to", "/s/us/jobs?state=ready")];
    let entered = site.post("/login", &form).await;
    assert_eq!(entered.to(), "/s/us/jobs?state=ready");
    let cookies: Vec<&str> =
        entered.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(cookies.iter().all(|cookie| cookie.contains("Path=/;")), "{cookies:?}");
    for path in ["/", "/s/eu/jobs", "/s/us/jobs"] {
        site.get(path).await.ok();
    }
    let themed = site.post("/s/us/theme", &[("theme", "dark"), ("to", "/jobs")]).await;
    assert_eq!(themed.to(), "/s/us/jobs");
    assert!(site.get("/s/eu/jobs").await.ok().contains("theme-dark"), "for all servers");
    assert_eq!(site.post("/s/us/logout", &[]).await.to(), "/login");
    assert!(site.get("/s/eu/jobs").await.to().starts_with("/login?to="));
}

#[tokio::test]
async fn a_search_over_all_servers_leads_to_the_job() {
    let servers = Servers::new().await;
    let site = servers.site(Role::Viewer).await;
    let id = id_of(&servers.eu, "mail.a").await;
    until("the server has answered", async || site.get("/s/eu").await.status == StatusCode::OK).await;
    assert_eq!(site.get(&format!("/jobs?q={id}")).await.to(), format!("/s/eu/jobs/{id}"));
    let page = site.get("/jobs?q=tag:vip").await.ok();
    for name in ["eu", "us", "gone"] {
        assert!(page.contains(&format!("href=\"/s/{name}/jobs?q=tag%3Avip\"")), "{name}: {page}");
    }
}

#[tokio::test]
async fn a_mounted_dashboard_keeps_its_path_before_the_server() {
    let servers = Servers::new().await;
    let hook = |_: &_| Some(Viewer::new("mara", Role::Viewer));
    let router = servers.dashboard().authenticate(hook).router();
    let site = Site::serve(pgjobs::web::axum::Router::new().nest("/admin/queue", router)).await;
    let page = site.get("/admin/queue").await.ok();
    assert!(page.contains("href=\"/admin/queue/s/us\""), "{page}");
    let page = site.get("/admin/queue/s/us/tasks").await.ok();
    assert!(
        page.contains("href=\"/admin/queue/s/us/jobs\"") && page.contains("href=\"/admin/queue\""),
        "{page}"
    );
}

#[tokio::test]
async fn with_one_server_there_is_no_trace_of_several() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get("/").await.ok();
    assert!(!page.contains("/s/") && !page.contains("all servers"), "{page}");
    assert_eq!(site.get("/s/main/jobs").await.status, StatusCode::NOT_FOUND);
}
