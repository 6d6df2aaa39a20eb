//! What a role may do: in the handlers, and in the buttons that are shown.

use pgjobs::web::{Dashboard, Role, Verb, Viewer};
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::{Site, fill, id_of};

/// A path, the verb that it needs, and what is sent there.
type Post = (String, Verb, Vec<(&'static str, String)>);

/// All that can be posted: path, verb, form.
fn posts(id: &str) -> Vec<Post> {
    let selection = |name: &'static str| vec![("do", name.to_owned()), ("id", id.to_owned())];
    let all = |name: &'static str| {
        vec![
            ("do", name.to_owned()),
            ("all", "1".to_owned()),
            ("task", "none".to_owned()),
            ("matched", "0".to_owned()),
        ]
    };
    vec![
        ("/jobs/retry".to_owned(), Verb::Retry, selection("retry")),
        ("/jobs/redrive".to_owned(), Verb::Redrive, selection("redrive")),
        ("/jobs/cancel".to_owned(), Verb::Cancel, selection("cancel")),
        ("/jobs/purge".to_owned(), Verb::Purge, all("purge")),
        (format!("/jobs/{id}/edit"), Verb::Edit, vec![("priority", "5".to_owned())]),
        ("/operations/1".to_owned(), Verb::Operate, vec![("change", "pause".to_owned())]),
        ("/statistics".to_owned(), Verb::Control, vec![]),
        ("/tasks/none/publish".to_owned(), Verb::Publish, vec![]),
        ("/topics/pause".to_owned(), Verb::Pause, vec![("topic", "none".to_owned())]),
        ("/topics/resume".to_owned(), Verb::Pause, vec![("topic", "none".to_owned())]),
        (
            "/limits/set".to_owned(),
            Verb::Limit,
            vec![("name", "none".to_owned()), ("topic", "none".to_owned()), ("max", "1".to_owned())],
        ),
        ("/limits/block".to_owned(), Verb::Limit, vec![("name", "none".to_owned())]),
        ("/limits/release".to_owned(), Verb::Limit, vec![("name", "none".to_owned())]),
        ("/limits/drop".to_owned(), Verb::Limit, vec![("name", "none".to_owned())]),
        ("/workflows/1/cancel".to_owned(), Verb::Cancel, vec![("node", "none".to_owned())]),
        ("/workflows/1/retry".to_owned(), Verb::Retry, vec![]),
        ("/schedules/none/run".to_owned(), Verb::Schedule, vec![]),
        ("/schedules/none/pause".to_owned(), Verb::Schedule, vec![]),
        ("/schedules/none/resume".to_owned(), Verb::Schedule, vec![]),
        ("/schedules/none/backfill".to_owned(), Verb::Schedule, vec![]),
        ("/schedules/none/edit".to_owned(), Verb::Schedule, vec![]),
        ("/workers/00000000-0000-7000-8000-000000000001/ping".to_owned(), Verb::Control, vec![]),
        ("/workers/00000000-0000-7000-8000-000000000001/drain".to_owned(), Verb::Control, vec![]),
        ("/workers/00000000-0000-7000-8000-000000000001/stop".to_owned(), Verb::Stop, vec![]),
    ]
}

#[tokio::test]
async fn a_handler_refuses_exactly_what_the_table_does() {
    let db = Db::new().await;
    for role in Role::ALL {
        let site = Site::of(&db, role).await;
        for (path, verb, form) in posts("00000000000070008000000000000000") {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = site.post(&path, &form).await;
            let is_refused = answer.status == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, role < verb.role(), "{role} {path}: {} {}", answer.status, answer.text);
        }
        let edit = site.get("/jobs/00000000000070008000000000000000/edit").await;
        assert_eq!(edit.status == StatusCode::FORBIDDEN, role < Verb::Edit.role());
        assert_eq!(
            db.one::<i64>("select count(*) from jobs.audit where action <> 'purge'").await,
            if role >= Role::Operator {
                db.one("select count(*) from jobs.audit where action <> 'purge'").await
            } else {
                0
            }
        );
    }
}

#[tokio::test]
async fn a_button_is_shown_exactly_to_who_may_press_it() {
    let db = Db::new().await;
    fill(&db).await;
    let (bad, later, run) =
        (id_of(&db, "mail.bad").await, id_of(&db, "mail.later").await, id_of(&db, "mail.run").await);
    db.run(
        r#"select jobs.publish_workflow('[{"name": "a", "task": "flow.a"}]');
           select jobs.publish_workflow('[{"name": "a", "task": "flow.b", "max_retries": 1}, {"name": "b", "task": "flow.b", "after": ["a"]}]');
           select jobs.nack(c.job_id, 'x', i_lease => c.lease) from jobs.consume_topic('flow.b', 1) c"#,
    )
    .await;
    db.run("select jobs.start_operation('retry', 'none'); update jobs.operation set state = 'running'").await;
    let buttons = [
        (format!("/jobs/{bad}"), "do=retry", Verb::Retry),
        (format!("/jobs/{bad}"), "do=redrive", Verb::Redrive),
        (format!("/jobs/{bad}"), "/edit\"", Verb::Edit),
        (format!("/jobs/{later}"), "do=cancel", Verb::Cancel),
        (format!("/jobs/{later}"), "/edit\"", Verb::Edit),
        (format!("/jobs/{run}"), "do=cancel", Verb::Cancel),
        ("/jobs?state=failed".to_owned(), "value=\"retry\"", Verb::Retry),
        ("/jobs?state=failed".to_owned(), "value=\"redrive\"", Verb::Redrive),
        ("/jobs".to_owned(), "value=\"cancel\"", Verb::Cancel),
        ("/jobs".to_owned(), "do=purge", Verb::Purge),
        ("/operations/1".to_owned(), "value=\"pause\"", Verb::Operate),
        ("/workflows/1".to_owned(), "act?do=cancel", Verb::Cancel),
        ("/workflows/1".to_owned(), "act?do=cancel&amp;node=a", Verb::Cancel),
        ("/workflows/2".to_owned(), "act?do=retry", Verb::Retry),
        ("/workflows/2".to_owned(), "act?do=retry&amp;node=a", Verb::Retry),
    ];
    for role in Role::ALL {
        let site = Site::of(&db, role).await;
        for (path, mark, verb) in &buttons {
            let page = site.get(path).await.ok();
            assert_eq!(page.contains(mark), role >= verb.role(), "{role} {path} {mark}");
            assert!(page.contains(role.as_str()), "the role stands beside the name");
        }
    }
}

#[tokio::test]
async fn a_preview_of_what_is_not_permitted_is_refused() {
    let db = Db::new().await;
    fill(&db).await;
    let viewer = Site::of(&db, Role::Viewer).await;
    assert_eq!(viewer.get("/jobs/act?do=retry&all=1&state=failed").await.status, StatusCode::FORBIDDEN);
    let operator = Site::of(&db, Role::Operator).await;
    assert_eq!(operator.get("/jobs/act?do=purge&all=1").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_programs_own_users_are_asked_each_time() {
    let db = Db::new().await;
    let hook = |request: &pgjobs::web::axum::http::request::Parts| {
        let name = request.headers.get("x-user")?.to_str().ok()?;
        Some(Viewer::new(name, Role::Viewer))
    };
    let site = Site::serve(Dashboard::new(db.pool.clone()).authenticate(hook).router()).await;
    assert_eq!(site.get("/").await.status, StatusCode::UNAUTHORIZED);
    let answer = site.raw("GET", "/").header("x-user", "<b>jonas").send().await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains("&lt;b&gt;jonas") && !text.contains("<b>jonas"), "{text}");
}
