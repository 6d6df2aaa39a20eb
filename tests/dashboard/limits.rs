//! The pages of limits.

use pgjobs::web::Role;
use pgjobs_tests::Db;
use reqwest::StatusCode;

use crate::Site;

/// A limit of one job for each customer, under which a job of customer 7 runs and two wait.
async fn each() -> Db {
    let db = Db::new().await;
    db.run(
        r#"select jobs.set_limit('each/customer', 'mail.*', '{"key": ["customer"], "max": 1, "rates": ["100/s"]}');
           select jobs.publish('mail.send', '{"kwargs": {"customer": 7}}') from generate_series(1, 3); select jobs.consume(5)"#,
    )
    .await;
    db
}

#[tokio::test]
async fn limits_are_shown_with_their_keys_and_what_they_keep_back() {
    let db = each().await;
    let site = Site::of(&db, Role::Viewer).await;
    let list = site.get("/limits").await.ok();
    assert!(
        list.contains("each/customer") && list.contains("max 1, 100/s") && list.contains("by customer"),
        "{list}"
    );
    assert!(!list.contains("hold up their jobs") && !list.contains("<form class=\"form\""), "{list}");
    let one = site.get("/limits/each%2Fcustomer").await.ok();
    assert!(one.contains("[7]") && !one.contains("/limits/drop"), "{one}");
    assert_eq!(site.get("/limits/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_limit_is_made_changed_and_dropped() {
    let db = Db::new().await;
    let site = Site::of(&db, Role::Operator).await;
    let form = [
        ("name", "a/b"),
        ("topic", "mail.*"),
        ("key", "customer, host"),
        ("max", "2"),
        ("rates", "10/s, 100/h"),
    ];
    assert_eq!(site.post("/limits/set", &form).await.to(), "/limits/a%2Fb");
    let said = "select concat_ws(' ', topic, key, max, rates) from jobs.limits()";
    assert_eq!(db.one::<String>(said).await, "mail.* {customer,host} 2 {10/s,100/h}");
    site.post("/limits/set", &[("name", "a/b"), ("max", "3"), ("rates", "")]).await.to();
    assert_eq!(db.one::<String>(said).await, "mail.* {customer,host} 3 {10/s,100/h}", "what is empty stays");
    for (field, value, reason) in [
        ("max", "many", "many is no number of jobs"),
        ("rates", "often", "is no rate"),
        ("key", "a,a", "key: 1 to 10"),
    ] {
        let form = [("name", "new"), ("topic", "x"), ("max", "1"), (field, value)];
        let form = if field == "max" { [form[0], form[1], form[3], form[3]] } else { form };
        let answer = site.post("/limits/set", &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}: {}", answer.text);
        assert!(answer.text.contains(reason), "{field}: {}", answer.text);
    }
    let unknown = site.post("/limits/set", &[("name", "new"), ("max", "1")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "a new one needs a topic");
    assert_eq!(site.post("/limits/drop", &[("name", "a/b")]).await.to(), "/limits");
    assert_eq!(db.one::<i64>("select count(*) from jobs.limits()").await, 0);
}

#[tokio::test]
async fn a_key_is_closed_and_released() {
    let db = each().await;
    let site = Site::of(&db, Role::Operator).await;
    let form = [("name", "each/customer"), ("key", "7"), ("minutes", "90"), ("reason", "<b>told")];
    assert_eq!(site.post("/limits/block", &form).await.to(), "/limits/each%2Fcustomer");
    for path in ["/limits", "/limits/each%2Fcustomer"] {
        let page = site.get(path).await.ok();
        assert!(
            page.contains("mara (dashboard): &lt;b&gt;told") && page.contains("Release [7] of each/customer"),
            "{path}: {page}"
        );
    }
    let wrong =
        site.post("/limits/block", &[("name", "each/customer"), ("key", "7"), ("minutes", "soon")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    site.post("/limits/release", &[("name", "each/customer"), ("key", "[7]")]).await.to();
    assert_eq!(db.one::<i64>("select count(*) from jobs.blocked_keys()").await, 0);
    assert_eq!(
        db.one::<String>("select string_agg(action, ' ' order by id) from jobs.audit").await,
        "set_limit release_key"
    );
}
