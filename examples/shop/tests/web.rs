//! The shop over HTTP: what it answers, and what it publishes.

use std::error::Error;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use pgjobs::testing::{Database, assert_published, refute_published};
use serde_json::{Value, json};
use shop::customers::index;
use shop::mail::{Mailer, welcome};
use shop::{orders, web};
use tower::ServiceExt;

/// The answer to a request, with a body or without one.
async fn ask(db: &Database, path: &str, body: Option<Value>) -> Result<(StatusCode, Value), Box<dyn Error>> {
    let request = Request::builder().uri(path).header(header::CONTENT_TYPE, "application/json");
    let request = match body {
        Some(body) => request.method("POST").body(Body::from(body.to_string()))?,
        None => request.body(Body::empty())?,
    };
    let answer = web::router(db.pool().clone()).oneshot(request).await?;
    let (status, body) = (answer.status(), to_bytes(answer.into_body(), 10_000).await?);
    Ok((status, serde_json::from_slice(&body)?))
}

#[pgjobs::test(setup = orders::create_tables)]
async fn who_signs_up_is_welcomed(db: Database) -> Result<(), Box<dyn Error>> {
    let ada = json!({ "address": "ada@example.org" });
    assert_eq!(
        ask(&db, "/customers", Some(ada.clone())).await?,
        (StatusCode::CREATED, json!({ "customer": 1 }))
    );
    assert_eq!(ask(&db, "/customers", Some(ada)).await?.0, StatusCode::CONFLICT);

    assert_published!(db, count = 1, welcome { address: "ada@example.org" });
    refute_published!(db, index { .. });
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn an_order_is_followed_until_it_is_delivered(db: Database) -> Result<(), Box<dyn Error>> {
    ask(&db, "/customers", Some(json!({ "address": "ada@example.org" }))).await?;
    let order = json!({ "customer": 1, "item": "cup", "count": 6 });
    assert_eq!(ask(&db, "/orders", Some(order)).await?, (StatusCode::ACCEPTED, json!({ "order": 1 })));

    db.drain().topic("shop.*").state(Mailer::default()).await?.no_failures()?;
    let (_, on_its_way) = ask(&db, "/orders/1", None).await?;
    assert_eq!(on_its_way["state"], "running");
    assert_eq!(on_its_way["steps"], json!({ "reserve": "success", "charge": "success", "ship": "running" }));

    assert_eq!(ask(&db, "/orders/1/delivered", Some(json!("Faro"))).await?.1, json!({ "heard": true }));
    db.drain().topic("shop.*").state(Mailer::default()).await?.no_failures()?;
    assert_eq!(ask(&db, "/orders/1", None).await?.1["state"], "success");
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn what_does_not_exist_is_not_found(db: Database) -> Result<(), Box<dyn Error>> {
    ask(&db, "/customers", Some(json!({ "address": "ada@example.org" }))).await?;
    for (path, body) in [
        ("/orders", Some(json!({ "customer": 7, "item": "cup", "count": 1 }))),
        ("/orders", Some(json!({ "customer": 1, "item": "moon", "count": 1 }))),
        ("/orders/7", None),
        ("/orders/7/delivered", Some(json!("Faro"))),
    ] {
        assert_eq!(ask(&db, path, body).await?.0, StatusCode::NOT_FOUND, "{path}");
    }
    let none = json!({ "customer": 1, "item": "cup", "count": 0 });
    assert_eq!(ask(&db, "/orders", Some(none)).await?.0, StatusCode::BAD_REQUEST);
    Ok(())
}
