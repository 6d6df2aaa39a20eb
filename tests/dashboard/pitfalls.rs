//! What went wrong in dashboards of others.

use std::time::{Duration, Instant};

use pgjobs::web::axum::Router;
use pgjobs::web::{Dashboard, Role, Users};
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::{FETCH_SITE, Page, Site, fill, id_of};

/// Texts that would run where they are not escaped, or break what is around them.
const PAYLOADS: [&str; 10] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</textarea><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</title><script>alert(1)</script>",
    "{{7*7}}${7*7}<%= 7 %>",
    "--></svg><script>alert(1)</script>",
    "\u{202e}evil\u{200b}",
    "&lt;script&gt;&#x27;",
];

/// Markup that only a payload could have brought in. A single quote may stay: all attributes have double ones.
fn is_clean(page: &str) -> bool {
    !["<script>", "<img", "onerror=alert(1)>", "<svg/onload", "href=\"javascript:"]
        .iter()
        .any(|mark| page.contains(mark))
}

#[tokio::test]
async fn texts_of_jobs_are_shown_and_never_run() {
    let db = Db::new().await;
    for (nth, payload) in PAYLOADS.iter().enumerate() {
        sqlx::query("select jobs.publish($1, jsonb_build_object('args', jsonb_build_array($2::text), 'kwargs', jsonb_build_object($2::text, $2::text)), i_max_retries => 1,
                     i_meta => jsonb_build_object($2::text, $2::text, 'tags', jsonb_build_array($2::text)))")
            .bind(format!("bad.{nth}{}", payload.replace(char::is_control, "")))
            .bind(payload)
            .execute(&db.pool)
            .await
            .unwrap();
        sqlx::query("select jobs.nack(job_id, $1) from jobs.consume(1)")
            .bind(payload)
            .execute(&db.pool)
            .await
            .unwrap();
    }
    db.run(r#"select jobs.set_limit('bad', '*', '{"key": ["a"], "max": 1}')"#).await;
    for payload in PAYLOADS {
        sqlx::query("select jobs.block_key('bad', to_jsonb($1::text), 'infinity', $1)")
            .bind(payload)
            .execute(&db.pool)
            .await
            .unwrap();
    }
    let site = Site::of(&db, Role::Admin).await;
    let mut paths = ["/", "/jobs?state=failed", "/limits", "/limits/bad"].map(str::to_owned).to_vec();
    for id in db.all::<String>("select job_id::text from jobs.find('failed')").await {
        paths.extend([
            format!("/jobs/{id}"),
            format!("/jobs/{id}/edit"),
            format!("/jobs/act?do=retry&id={id}"),
        ]);
    }
    assert_eq!(paths.len(), 4 + 3 * PAYLOADS.len());
    for path in paths {
        let page = site.get(&path).await.ok();
        assert!(is_clean(&page), "{path}: {page}");
    }
}

#[tokio::test]
async fn texts_of_urls_are_shown_and_never_run() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Admin).await;
    for payload in PAYLOADS {
        let encoded: String = payload.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for path in [
            "/jobs?q=X",
            "/jobs?state=X",
            "/jobs?task=X",
            "/jobs?tag=X",
            "/jobs?meta=X:X",
            "/jobs?key=X",
            "/jobs?text=X",
            "/jobs?error=X",
            "/jobs?since=X",
            "/jobs?before=X",
            "/jobs?before=a&trail=X",
            "/jobs?did=X&n=X",
            "/jobs/X",
            "/jobs/X/edit",
            "/jobs/act?do=X",
            "/jobs/act?do=retry&id=X",
            "/topics/X",
            "/tasks/X",
            "/operations/X",
            "/limits/X",
            "/workflows?name=X",
            "/workflows?state=X",
            "/workflows?before=X",
            "/workflows/X",
            "/workflows/X/act?do=X",
            "/workflows/1/act?do=cancel&node=X",
            "/operations?before=X",
            "/X",
            "/live?of=X",
            "/login?to=X",
        ] {
            let Page { status, text, headers } = site.get(&path.replace('X', &encoded)).await;
            assert!(status != StatusCode::INTERNAL_SERVER_ERROR, "{path} {payload}: {text}");
            assert!(is_clean(&text), "{path} {payload}: {text}");
            assert!(
                headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn it_is_closed_until_it_is_said_who_may_enter() {
    let db = Db::new().await;
    let site = Site::serve(Dashboard::new(db.pool.clone()).router()).await;
    for path in ["/", "/jobs", "/login", "/jobs/x"] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(page.text.contains("Dashboard::login"), "{}", page.text);
    }
}

#[tokio::test]
async fn without_a_session_there_is_the_form_alone() {
    let db = Db::new().await;
    let site = Site::with_login(&db).await;
    assert_eq!(site.get("/jobs?state=failed").await.to(), "/login?to=%2Fjobs%3Fstate%3Dfailed");
    assert_eq!(site.post("/jobs/retry", &[("do", "retry"), ("id", "x")]).await.to(), "/login?to=%2F");
    assert!(site.get("/login").await.ok().contains("type=\"password\""));
    let wrong = site.post("/login", &[("name", "mara"), ("password", "wrong")]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.headers.get("set-cookie").is_none());
    let right = site.post("/login", &[("name", "mara"), ("password", "opensesame"), ("to", "/jobs")]).await;
    assert_eq!(right.to(), "/jobs");
    let cookie = right.headers["set-cookie"].to_str().unwrap();
    for part in ["pgjobs_session=", "; Path=/;", "SameSite=Strict", "HttpOnly"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "not on a connection without TLS: {cookie}");
    assert!(site.get("/jobs").await.ok().contains("mara"));
    assert_eq!(site.post("/logout", &[]).await.to(), "/login");
    assert_eq!(site.get("/jobs").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_cookie_behind_https_is_never_sent_without_it() {
    let db = Db::new().await;
    let site = Site::with_login(&db).await;
    let form = [("name", "mara"), ("password", "opensesame")];
    let request = site
        .raw("POST", "/login")
        .header(FETCH_SITE, "same-origin")
        .header("x-forwarded-proto", "https")
        .form(&form);
    let cookie = request.send().await.unwrap().headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn the_sixth_wrong_password_waits() {
    let db = Db::new().await;
    let site = Site::with_login(&db).await;
    for _ in 0..5 {
        let answer = site.post("/login", &[("name", "mara"), ("password", "wrong")]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = site.post("/login", &[("name", "mara"), ("password", "opensesame")]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_login_leads_nowhere_else() {
    let db = Db::new().await;
    let site = Site::with_login(&db).await;
    for to in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let answer = site.post("/login", &[("name", "mara"), ("password", "opensesame"), ("to", to)]).await;
        assert_eq!(answer.to(), "/", "{to}");
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Admin).await;
    let id = id_of(&db, "mail.later").await;
    let host = site.url.trim_start_matches("http://").to_owned();
    let form = [("do", "cancel"), ("id", id.as_str())];
    for headers in [
        vec![(FETCH_SITE, "cross-site".to_owned())],
        vec![(FETCH_SITE, "same-site".to_owned()), ("origin", format!("http://{host}"))],
        vec![("origin", "http://evil.example".to_owned())],
        vec![("origin", format!("http://{host}.evil.example"))],
        vec![("origin", "null".to_owned())],
        vec![],
    ] {
        let request = headers
            .iter()
            .fold(site.raw("POST", "/jobs/cancel"), |request, (name, value)| request.header(*name, value));
        let answer = request.form(&form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{headers:?}");
    }
    let stream = site.raw("GET", "/live?of=/").header(FETCH_SITE, "cross-site").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::FORBIDDEN);
    assert_eq!(db.one::<String>(&format!("select status::text from jobs.get('{id}')")).await, "pending");
    // And without Sec-Fetch-Site, as on a connection without TLS, a page of its own may.
    let own = site
        .raw("POST", "/jobs/cancel")
        .header("origin", format!("http://{host}"))
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn nothing_happens_on_get() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Admin).await;
    let id = id_of(&db, "mail.later").await;
    for verb in ["retry", "redrive", "cancel", "purge"] {
        for path in [
            format!("/jobs/{verb}?do={verb}&id={id}"),
            format!("/jobs/act?do={verb}&all=1&state=open"),
            format!("/jobs/act?do={verb}&id={id}"),
        ] {
            site.get(&path).await;
        }
    }
    site.get("/operations/1?change=cancel").await;
    site.get("/logout").await;
    assert_eq!(db.one::<i64>("select count(*) from jobs.audit").await, 0);
    assert_eq!(db.one::<i64>("select count(*) from jobs.operation").await, 0);
    let reads = "select count(*) from jobs.find('pending')";
    assert_eq!(db.one::<i64>(reads).await, 2);
}

#[tokio::test]
async fn what_is_too_large_or_too_long_is_refused_at_once() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Admin).await;
    let large = "x".repeat(3 << 20);
    let answer = site.post("/jobs/cancel", &[("do", "cancel"), ("id", &large)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(site.get(&format!("/jobs?text={}", "x".repeat(5000))).await.status, StatusCode::BAD_REQUEST);
    let many: Vec<(&str, &str)> = (0..2000).map(|_| ("id", "x")).collect();
    assert_eq!(site.post("/jobs/cancel", &many).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_read_that_takes_too_long_ends_and_says_so() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    site.get("/jobs").await.ok();
    // Whoever holds the table makes every read wait, as a query that is too slow does.
    let mut tx = db.pool.begin().await.unwrap();
    sqlx::query("lock table jobs.pending in access exclusive mode").execute(&mut *tx).await.unwrap();
    let began = Instant::now();
    let page = site.get("/jobs?state=ready").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{}", page.text);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn what_no_column_can_hold_is_the_visitors_mistake() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Admin).await;
    for path in [
        "/jobs?task=%00",
        "/jobs?tag=%00",
        "/jobs?meta=a:%00",
        "/jobs?key=%00",
        "/jobs?text=%00",
        "/jobs?error=%00&state=failed",
        "/jobs?before=%00",
        "/jobs?since=90000000d",
        "/jobs?until=90000000d&state=failed",
        "/jobs?state=failed&before=2026-02-31/x",
        "/jobs/%00",
        "/tasks/%00",
        "/schedules/%00",
        "/errors?topic=%00",
        "/audit?target=%00",
        "/audit?before=99999999999999999999",
        "/operations/99999999999999999999",
        "/operations?before=-1",
    ] {
        let page = site.get(path).await;
        assert!(
            page.status.is_client_error() || page.status.is_success(),
            "{path}: {} {}",
            page.status,
            page.text
        );
    }
}

#[tokio::test]
async fn pages_are_there_while_counts_take_too_long() {
    let db = Db::new().await;
    fill(&db).await;
    db.run("select jobs._make_partition(current_date - 5)").await;
    let old: String = db.one("select name from jobs._partitions() order by day limit 1").await;
    let site = Site::of(&db, Role::Viewer).await;
    // Only the counts of ended jobs read a day of last week.
    let mut tx = db.pool.begin().await.unwrap();
    let lock = format!("lock table jobs.{old} in access exclusive mode");
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *tx).await.unwrap();
    let page = site.get("/topics").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(
        page.text.contains("they took the database too long") && page.text.contains("mail"),
        "{}",
        page.text
    );
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn only_pages_of_the_web_are_links_to_elsewhere() {
    let db = Db::new().await;
    db.run(
        r#"select jobs.publish('a', i_meta => '{"trace": "https://traces.example/1?a=b", "bad": "javascript:alert(1)", "data": "data:text/html,x"}')"#,
    )
    .await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get(&format!("/jobs/{}", id_of(&db, "a").await)).await.ok();
    assert!(
        page.contains(r#"href="https://traces.example/1?a=b" rel="noopener noreferrer nofollow""#),
        "{page}"
    );
    assert!(!page.contains(r#"href="javascript:"#) && !page.contains(r#"href="data:"#), "{page}");
}

#[tokio::test]
async fn no_page_has_a_style_or_a_script_of_its_own() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Admin).await;
    let id = id_of(&db, "mail.bad").await;
    for path in [
        "/",
        "/jobs",
        "/jobs?state=failed",
        &format!("/jobs/{id}"),
        &format!("/jobs/{id}/edit"),
        "/jobs/act?do=retry&all=1&state=failed",
        "/operations",
        "/none",
    ] {
        let page = site.get(path).await;
        for mark in [" style=", "<style", " onclick=", " onload=", "<script>"] {
            assert!(!page.text.contains(mark), "{path}: {mark}");
        }
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.headers[name], value, "{path}");
        }
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "script-src 'self';",
            "style-src 'self';",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

#[tokio::test]
async fn it_works_under_any_path() {
    let db = Db::new().await;
    fill(&db).await;
    let users = Users::one("mara", Role::Admin, "opensesame");
    let inner = Router::new().nest("/jobs", Dashboard::new(db.pool.clone()).login(users).router());
    let site = Site::serve(Router::new().nest("/admin", inner)).await;
    assert_eq!(site.get("/admin/jobs/jobs").await.to(), "/admin/jobs/login?to=%2Fjobs");
    let login = site
        .post("/admin/jobs/login", &[("name", "mara"), ("password", "opensesame"), ("to", "/jobs")])
        .await;
    assert_eq!(login.to(), "/admin/jobs/jobs");
    assert!(login.headers["set-cookie"].to_str().unwrap().contains("Path=/admin/jobs;"));
    let page = site.get("/admin/jobs/jobs").await.ok();
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(link.starts_with("/admin/jobs") || link.starts_with('#'), "{link}");
    }
    let style = page
        .split("href=\"")
        .find(|rest| rest.contains(".css"))
        .and_then(|rest| rest.split('"').next())
        .unwrap();
    let style = site.get(style).await;
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(style.ok().contains("--ground"));
}

/// A nested router answers at its path, and not at its path with a slash.
#[tokio::test]
async fn its_start_page_is_found_where_it_is_mounted() {
    let db = Db::new().await;
    let users = Users::one("mara", Role::Admin, "opensesame");
    let site =
        Site::serve(Router::new().nest("/ops", Dashboard::new(db.pool.clone()).login(users).router())).await;
    assert_eq!(site.get("/ops").await.to(), "/ops/login?to=%2F");
    let right = [("name", "mara"), ("password", "opensesame"), ("to", "/?window=hour")];
    assert_eq!(site.post("/ops/login", &right).await.to(), "/ops?window=hour");
    assert_eq!(site.post("/ops/login", &right[..2]).await.to(), "/ops");
    assert_eq!(site.get("/ops/login").await.to(), "/ops");
    assert_eq!(site.post("/ops/theme", &[("theme", "dark"), ("to", "/")]).await.to(), "/ops");
    let page = site.get("/ops").await.ok();
    assert!(page.contains("class=\"brand\" href=\"/ops\""), "{page}");
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        if link.starts_with('/') {
            let status = site.get(link.replace("&amp;", "&").split('#').next().unwrap()).await.status;
            assert_eq!(status, StatusCode::OK, "{link}");
        }
    }
}

/// A proxy that takes a path off often knows it with the slash alone.
#[tokio::test]
async fn behind_a_proxy_its_start_page_has_the_slash() {
    let db = Db::new().await;
    let users = Users::one("mara", Role::Admin, "opensesame");
    let site = Site::serve(Dashboard::new(db.pool.clone()).login(users).path("/ops").router()).await;
    let login = site.post("/login", &[("name", "mara"), ("password", "opensesame")]).await;
    assert_eq!(login.to(), "/ops/");
}
