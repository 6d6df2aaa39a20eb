//! Pages when there is nothing, when there is trouble, and for those who may do little.

use pgjobs::sqlx::postgres::PgPoolOptions;
use pgjobs::web::{Dashboard, Role, Viewer};
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::{Site, fill, id_of};

#[tokio::test]
async fn an_empty_installation_says_what_comes_first() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get("/").await.ok();
    for part in ["Nothing was published yet", "Declare a task", "Publish a job", "Run a worker"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = site.get("/jobs?state=failed").await.ok();
    assert!(
        page.contains("No job matches.") && page.contains("Everything that is kept was searched."),
        "{page}"
    );
    assert!(site.get("/operations").await.ok().contains("No operation was started."));
}

#[tokio::test]
async fn the_overview_says_what_is_the_matter() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Viewer).await;
    let page = site.get("/").await.ok();
    for part in ["<b>1</b> job is ready", "mail.a", "mail.later", "No worker is registered"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn a_database_that_is_away_is_said_with_what_it_means_for_jobs() {
    let db = Db::new().await;
    fill(&db).await;
    let pool = PgPoolOptions::new()
        .acquire_timeout(std::time::Duration::from_secs(1))
        .connect(&db.url)
        .await
        .unwrap();
    let hook = |_: &_| Some(Viewer::new("mara", Role::Viewer));
    let site = Site::serve(Dashboard::new(pool.clone()).authenticate(hook).router()).await;
    site.get("/").await.ok();
    pool.close().await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await; // a snapshot is a second old at most
    let page = site.get("/").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    for part in ["No job is lost:", "no worker takes new jobs", "pgjobs doctor", "As it was at"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
}

#[tokio::test]
async fn what_there_is_not_is_said_by_its_name() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Viewer).await;
    for (path, words) in [
        ("/nothing", "There is no page /nothing here."),
        ("/jobs/00000000000070008000000000000000", "There is no job 0000"),
        ("/operations/77", "there is no operation 77"),
        ("/operations/x", "it has a number"),
    ] {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}: {}", page.text);
        assert!(page.text.contains(words), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn a_role_that_may_not_read_arguments_sees_jobs_without_them() {
    let db = Db::new().await;
    fill(&db).await;
    db.run("create role dash_reader login in role jobs_reader").await;
    let url = db.url.clone();
    let options: pgjobs::sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let pool = PgPoolOptions::new().connect_with(options.username("dash_reader")).await.unwrap();
    let hook = |_: &_| Some(Viewer::new("mara", Role::Admin));
    let site = Site::serve(Dashboard::new(pool).authenticate(hook).router()).await;
    let page = site.get("/jobs?state=failed").await.ok();
    assert!(
        page.contains("mail.bad") && !page.contains("9007199254740993") && !page.contains("timed out"),
        "{page}"
    );
    let page = site.get("/jobs?state=failed&text=9007").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
    let page = site.get(&format!("/jobs/{}", id_of(&db, "mail.bad").await)).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "{}", page.text);
}
