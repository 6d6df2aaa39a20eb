//! What is done from the pages: a preview first, the reason in the audit, and each job looked at again.

use pgjobs::web::Role;
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::{Site, fill, id_of};

const AUDIT: &str = "select concat_ws(' | ', action, jobs, reason) from jobs.audit order by id desc limit 1";

#[tokio::test]
async fn a_selection_is_retried_after_its_preview() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Operator).await;
    let id = id_of(&db, "mail.bad").await;
    let preview = site.get(&format!("/jobs/act?do=retry&id={id}")).await.ok();
    assert!(
        preview.contains("Retry 1 job?") && preview.contains("It does not:") && preview.contains(&id),
        "{preview}"
    );
    let form = [("do", "retry"), ("id", id.as_str()), ("reason", "processor is back")];
    assert_eq!(site.post("/jobs/retry", &form).await.to(), format!("/jobs/{id}?did=retry&n=1"));
    assert_eq!(db.one::<String>(AUDIT).await, "retry | 1 | mara (dashboard): processor is back");
    let page = site.get(&format!("/jobs/{id}?did=retry&n=1")).await.ok();
    assert!(page.contains("1 job back in the queue.") && page.contains("s-ready"), "{page}");
}

#[tokio::test]
async fn a_running_job_is_cancelled_and_a_failed_one_re_driven() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Operator).await;
    let (run, bad) = (id_of(&db, "mail.run").await, id_of(&db, "mail.bad").await);
    site.post("/jobs/cancel", &[("do", "cancel"), ("id", &run)]).await.to();
    assert_eq!(db.one::<String>(&format!("select status::text from jobs.get('{run}')")).await, "cancelled");
    site.post("/jobs/redrive", &[("do", "redrive"), ("id", &bad), ("reason", "x")]).await.to();
    let new = id_of(&db, "mail.bad").await;
    let page = site.get(&format!("/jobs/{new}")).await.ok();
    assert!(page.contains("First job") && page.contains(&bad), "the new one names the old: {page}");
    let page = site.get(&format!("/jobs/{bad}")).await.ok();
    assert!(page.contains("Re-driven as") && page.contains(&new), "the old one names the new: {page}");
    assert!(!page.contains("do=retry"), "and cannot be retried any more");
}

#[tokio::test]
async fn the_form_is_for_the_action_of_its_address() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Operator).await;
    let id = id_of(&db, "mail.later").await;
    let answer = site.post("/jobs/retry", &[("do", "cancel"), ("id", &id)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = site.post("/jobs/retry", &[("do", "purge"), ("all", "1"), ("matched", "5")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "an operator does not delete by another address");
}

#[tokio::test]
async fn all_that_match_are_an_operation_that_shows_how_far_it_is() {
    let db = Db::new().await;
    db.run(
        "select jobs.publish_bulk(array(select row('mail.send', null, null, null, null, 1)::jobs.bulk_job from generate_series(1, 30)));
         select jobs.nack(job_id, 'timed out') from jobs.consume(20); select jobs.nack(job_id, 'odd') from jobs.consume(10)",
    )
    .await;
    let site = Site::of(&db, Role::Operator).await;
    let preview = site.get("/jobs/act?do=retry&all=1&state=failed&error=timed").await.ok();
    assert!(preview.contains("Retry 20 jobs?"), "{preview}");
    let form = [
        ("do", "retry"),
        ("all", "1"),
        ("state", "failed"),
        ("error", "timed"),
        ("matched", "20"),
        ("reason", "why"),
    ];
    let answer = site.post("/jobs/retry", &form).await;
    assert_eq!(answer.to(), "/operations/1");
    let page = site.get("/operations/1").await.ok();
    assert!(page.contains("mara (dashboard): why") && page.contains("No worker lives"), "{page}");
    assert_eq!(site.post("/operations/1", &[("change", "pause")]).await.to(), "/operations/1");
    assert_eq!(db.one::<String>("select state from jobs.get_operation(1)").await, "paused");
    assert_eq!(site.post("/operations/1", &[("change", "resume")]).await.to(), "/operations/1");
    db.run("select jobs.step_operation(1, 10)").await;
    let page = site.get("/operations/1").await.ok();
    assert!(page.contains("<b>20</b> of <b>20</b>"), "{page}");
    assert_eq!(site.post("/operations/1", &[("change", "cancel")]).await.status, StatusCode::CONFLICT);
    assert_eq!(db.one::<i64>("select count(*) from jobs.find('failed')").await, 10);
}

#[tokio::test]
async fn above_a_thousand_the_number_is_typed() {
    let db = Db::new().await;
    db.run("select jobs.publish_bulk(array(select row('a', null, null, null, null, null)::jobs.bulk_job from generate_series(1, 1500)))").await;
    let site = Site::of(&db, Role::Operator).await;
    let page = site.get("/jobs/act?do=cancel&all=1&task=a").await.ok();
    assert!(page.contains("Type 1500 to go on"), "{page}");
    let form = |typed: &'static str| {
        vec![("do", "cancel"), ("all", "1"), ("task", "a"), ("matched", "1500"), ("typed", typed)]
    };
    for wrong in ["", "1501", "150"] {
        let answer = site.post("/jobs/cancel", &form(wrong)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(answer.text.contains("is not the number of jobs"), "{}", answer.text);
    }
    // Nor is a smaller number believed that the form gives back.
    let small = [("do", "cancel"), ("all", "1"), ("task", "a"), ("matched", "3")];
    assert_eq!(site.post("/jobs/cancel", &small).await.status, StatusCode::CONFLICT);
    assert_eq!(db.one::<i64>("select count(*) from jobs.operation").await, 0);
    assert_eq!(site.post("/jobs/cancel", &form("1,500")).await.to(), "/operations/1");
}

#[tokio::test]
async fn an_edit_keeps_each_digit_and_says_what_is_wrong() {
    let db = Db::new().await;
    fill(&db).await;
    let site = Site::of(&db, Role::Admin).await;
    let id = id_of(&db, "mail.bad").await;
    let path = format!("/jobs/{id}/edit");
    assert!(site.get(&path).await.ok().contains("9007199254740993"));
    let wrong = site.post(&path, &[("body", "{\"args\": [1,]}"), ("reason", "x")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong.text.contains("The arguments are no JSON") && wrong.text.contains("[1,]"),
        "{}",
        wrong.text
    );
    let wrong = site.post(&path, &[("timeout", "-1")]).await;
    assert!(wrong.status.is_client_error() && wrong.text.contains("timeout"), "{}", wrong.text);
    let body = r#"{"args": [9007199254740995], "kwargs": {}}"#;
    assert_eq!(
        site.post(&path, &[("body", body), ("priority", "7"), ("reason", "typo")]).await.to(),
        format!("/jobs/{id}?did=edit&n=1")
    );
    let kept = format!("select concat_ws(' ', body->'args', priority) from jobs.get('{id}')");
    assert_eq!(db.one::<String>(&kept).await, "[9007199254740995] 7");
    assert_eq!(db.one::<String>(AUDIT).await, "edit | 1 | mara (dashboard): typo");
}
