//! The people at the dashboard: the audit knows each by name, and a stranger cannot keep them out.

use pgjobs::web::{Dashboard, Role, Users, Viewer};
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::{Site, fill, id_of};

#[tokio::test]
async fn the_audit_names_who_was_logged_in_for_every_change() {
    let db = Db::new().await;
    fill(&db).await;
    db.run(
        "select jobs.set_schedule('hourly', 'mail.a', i_every => '1 h');
         select jobs.start_operation('retry', 'none'); update jobs.operation set state = 'running';
         delete from jobs.audit",
    )
    .await;
    let hook = |_: &_| Some(Viewer::new("Mara \0 Lind", Role::Admin));
    let site = Site::serve(Dashboard::new(db.pool.clone()).authenticate(hook).router()).await;
    let (bad, later) = (id_of(&db, "mail.bad").await, id_of(&db, "mail.later").await);
    let edit = format!("/jobs/{later}/edit");
    let forms: [(&str, &[(&str, &str)]); 14] = [
        ("/statistics", &[]),
        (&edit, &[("priority", "5")]),
        ("/jobs/retry", &[("do", "retry"), ("id", &bad)]),
        ("/jobs/cancel", &[("do", "cancel"), ("id", &bad)]),
        ("/jobs/redrive", &[("do", "redrive"), ("id", &bad)]),
        ("/jobs/purge", &[("do", "purge"), ("all", "1"), ("task", "none"), ("matched", "0")]),
        ("/operations/1", &[("change", "pause")]),
        ("/operations/1", &[("change", "resume")]),
        ("/topics/pause", &[("topic", "mail.*")]),
        ("/topics/resume", &[("topic", "mail.*")]),
        ("/schedules/hourly/run", &[]),
        ("/schedules/hourly/pause", &[]),
        ("/schedules/hourly/resume", &[]),
        ("/schedules/hourly/edit", &[("cron", "0 3 * * *")]),
    ];
    for (path, form) in forms {
        let answer = site.post(path, form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.text);
        let named = "select count(*) filter (where person = 'Mara \u{fffd} Lind') || ' of ' || count(*) from jobs.audit_log(i_num => 1)";
        assert_eq!(db.one::<String>(named).await, "1 of 1", "{path}");
        db.run("delete from jobs.audit").await;
    }
    site.post("/topics/pause", &[("topic", "none")]).await;
    assert!(site.get("/audit").await.ok().contains("Mara \u{fffd} Lind"));
    // The pool's connection goes back without the name.
    db.run("select jobs.resume_topic('none')").await;
    assert!(db.one::<bool>("select person is null from jobs.audit_log(i_num => 1)").await);
}

#[tokio::test]
async fn a_stranger_keeps_nobody_out_who_was_in_before() {
    let db = Db::new().await;
    let site = Site::with_login(&db).await;
    let right = [("name", "mara"), ("password", "opensesame")];
    site.post("/login", &right).await.to();
    site.post("/logout", &[]).await.to();
    let stranger = Site::at(&site.url);
    for name in ["mara", "mara", "mara", "mara", "mara", "mara", "nobody"] {
        stranger.post("/login", &[("name", name), ("password", "guess")]).await;
    }
    assert_eq!(stranger.post("/login", &right).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(site.post("/login", &right).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_operator_does_not_let_go_on_what_only_an_admin_may_do() {
    let db = Db::new().await;
    fill(&db).await;
    db.run("select jobs.start_operation('purge', 'mail.*'); select jobs.pause_operation(1)").await;
    let operator = Site::of(&db, Role::Operator).await;
    assert!(!operator.get("/operations/1").await.ok().contains("value=\"resume\""));
    let answer = operator.post("/operations/1", &[("change", "resume")]).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    assert_eq!(db.one::<String>("select state from jobs.operation").await, "paused");
    let admin = Site::of(&db, Role::Admin).await;
    assert!(admin.get("/operations/1").await.ok().contains("value=\"resume\""));
    assert_eq!(admin.post("/operations/1", &[("change", "resume")]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_page_of_a_topic_has_its_tasks_and_its_pause() {
    let db = Db::new().await;
    fill(&db).await;
    db.run("select jobs.publish('bill.run'); select jobs.pause_topic('mail.*', null, 'the bank is away')")
        .await;
    let (viewer, operator) = (Site::of(&db, Role::Viewer).await, Site::of(&db, Role::Operator).await);
    let page = viewer.get("/topics/mail.*").await.ok();
    assert!(page.contains("mail.later") && !page.contains("bill.run"), "{page}");
    assert!(page.contains("the bank is away") && !page.contains(">Resume<"), "{page}");
    assert!(operator.get("/topics/mail.*").await.ok().contains(">Resume<"));
    let other = operator.get("/topics/bill.run").await.ok();
    assert!(other.contains("Pause…") && !other.contains("the bank is away"), "{other}");
}

#[tokio::test]
async fn a_form_leads_to_a_page_of_this_dashboard_only() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Admin).await;
    for back in ["/\\evil.example", "//evil.example", "https://evil.example"] {
        let answer = site.post("/statistics", &[("back", back)]).await;
        assert!(["/", "/tasks"].contains(&answer.to()), "{back} leads to {}", answer.to());
    }
    let users = Users::one("mara", Role::Admin, "opensesame");
    let login = Site::serve(Dashboard::new(db.pool.clone()).login(users).router()).await;
    let answer = login
        .post("/login", &[("name", "mara"), ("password", "opensesame"), ("to", "/\\evil.example")])
        .await;
    assert_eq!(answer.to(), "/");
}
