//! The list of jobs and the page of one.

use std::time::Duration;

use futures_util::StreamExt;
use pgjobs::web::Role;
use pgjobs_tests::Db;

use crate::{FETCH_SITE, Site, fill, id_of};

/// The tasks of the rows of a list, in its order.
fn tasks(page: &str) -> Vec<&str> {
    let rows = page.split("<tr id=\"job-").skip(1);
    rows.filter_map(|row| row.split("<a href=").nth(1)?.split('>').nth(1)?.split('<').next()).collect()
}

#[tokio::test]
async fn filters_are_in_the_url_and_find_what_they_say() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    for (query, found) in [
        ("", vec!["mail.later", "mail.a", "mail.run"]),
        ("state=ready", vec!["mail.a"]),
        ("state=scheduled", vec!["mail.later"]),
        ("state=running", vec!["mail.run"]),
        ("state=failed", vec!["mail.bad"]),
        ("state=success", vec![]),
        ("task=mail.a", vec!["mail.a"]),
        ("topic=mail.l*", vec!["mail.later"]),
        ("tag=vip", vec!["mail.a"]),
        ("state=failed&tag=vip&meta=tenant:7", vec!["mail.bad"]),
        ("state=failed&meta=tenant:8", vec![]),
        ("state=failed&text=900719925474", vec!["mail.bad"]),
        ("state=failed&error=TIMED", vec!["mail.bad"]),
        ("state=failed&error=other", vec![]),
        ("state=failed&since=1h", vec!["mail.bad"]),
        ("state=failed&until=1h", vec![]),
        ("q=tag:vip", vec!["mail.a"]),
    ] {
        let page = site.get(&format!("/jobs?{query}")).await.ok();
        assert_eq!(tasks(&page), found, "{query}");
    }
    let id = id_of(&db, "mail.a").await;
    assert_eq!(site.get(&format!("/jobs?q={id}")).await.to(), format!("/jobs/{id}"));
}

#[tokio::test]
async fn pages_go_older_and_newer_and_miss_nothing() {
    let db = Db::new().await;
    db.run("select jobs.publish('a', jsonb_build_object('args', jsonb_build_array(g))) from generate_series(1, 120) g").await;
    let site = Site::of(&db, Role::Viewer).await;
    let link = |page: &str, id: &str| {
        let tag = page.split('<').find(|tag| tag.contains(&format!("id=\"{id}\"")))?;
        Some(tag.split("href=\"").nth(1)?.split('"').next()?.replace("&amp;", "&"))
    };
    let ids =
        |page: &str| page.split("<tr id=\"job-").skip(1).map(|row| row[..32].to_owned()).collect::<Vec<_>>();
    let mut pages = vec![site.get("/jobs").await.ok()];
    while let Some(older) = pages.last().and_then(|page| link(page, "older")) {
        pages.push(site.get(&older).await.ok());
    }
    let all: Vec<String> = pages.iter().flat_map(|page| ids(page)).collect();
    assert_eq!(pages.iter().map(|page| ids(page).len()).collect::<Vec<_>>(), [50, 50, 20]);
    let published = db.all::<String>("select job_id::text from jobs.find('pending', null, null, 1000)").await;
    assert_eq!(all, published);
    let newer = link(&pages[2], "newer").expect("a way back");
    let page = site.get(&newer).await.ok();
    assert_eq!(ids(&page), ids(&pages[1]));
    assert_eq!(ids(&site.get(&link(&page, "newer").expect("a way back")).await.ok()), ids(&pages[0]));
}

#[tokio::test]
async fn a_job_is_shown_with_exact_numbers_and_its_reason() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get(&format!("/jobs/{}", id_of(&db, "mail.bad").await)).await.ok();
    for part in [
        "9007199254740993",
        "timed out: no answer",
        "It failed at",
        "run 1 of 1",
        "tenant",
        "vip",
        "s-failed",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = site.get(&format!("/jobs/{}", id_of(&db, "mail.later").await)).await.ok();
    assert!(page.contains("It is scheduled for") && page.contains("expected"), "{page}");
    let page = site.get(&format!("/jobs/{}", id_of(&db, "mail.run").await)).await.ok();
    assert!(page.contains("s-running") && page.contains("class=\"run s-running"), "{page}");
}

#[tokio::test]
async fn a_page_is_sent_anew_within_a_second_or_two_of_a_change() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    let id = id_of(&db, "mail.a").await;
    let stream = site
        .raw("GET", &format!("/live?of=/jobs/{id}"))
        .header(FETCH_SITE, "same-origin")
        .send()
        .await
        .unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut parts = stream.bytes_stream();
    let first = String::from_utf8(parts.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(first.contains("s-ready"), "{first}");
    db.run("select jobs.consume_topic('mail.a', 1)").await;
    let seen = async {
        let mut text = String::new();
        while !text.contains("s-running") {
            text.push_str(&String::from_utf8_lossy(&parts.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("the change is on the page");
}

/// Each tab asks for the same, and for the same they are answered by one set of queries a second.
#[tokio::test]
async fn fifty_tabs_cost_what_one_does() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    let mut tabs = Vec::new();
    for _ in 0..50 {
        let stream =
            site.raw("GET", "/live?of=/jobs").header(FETCH_SITE, "same-origin").send().await.unwrap();
        tabs.push(stream.bytes_stream());
    }
    let calls = "select coalesce(sum(calls), 0)::bigint from pg_stat_user_functions where schemaname = 'jobs' and funcname = 'search'";
    db.run("alter system set track_functions = 'all'").await; // not within a transaction
    db.run("select pg_reload_conf()").await;
    // Each tab has received three pages.
    for tab in &mut tabs {
        for _ in 0..3 {
            tab.next().await.unwrap().unwrap();
        }
    }
    let (began, before) = (std::time::Instant::now(), db.one::<i64>(calls).await);
    for tab in &mut tabs {
        for _ in 0..3 {
            tab.next().await.unwrap().unwrap();
        }
    }
    let (seconds, after) = (began.elapsed().as_secs_f64(), db.one::<i64>(calls).await);
    let rate = (after - before) as f64 / seconds.max(1.0);
    assert!(rate <= 2.0, "{rate} searches a second for fifty tabs");
}
