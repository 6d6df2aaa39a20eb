//! The shop over HTTP.

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{customers, delivery, orders};

/// What the shop answers to; it publishes, and runs no job.
pub fn router(pool: PgPool) -> Router {
    Router::new()
        .route("/", get(help))
        .route("/customers", post(sign_up))
        .route("/orders", post(place))
        .route("/orders/{order}", get(show))
        .route("/orders/{order}/delivered", post(delivered))
        .with_state(pool)
}

type Answer = Result<(StatusCode, Json<Value>), Failed>;

/// What can be asked, as commands for the host that was asked.
async fn help(headers: HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    include_str!("help.txt").replace("HOST", host.unwrap_or("HOST"))
}

#[derive(Deserialize)]
struct SignUp {
    address: String,
}

async fn sign_up(State(pool): State<PgPool>, Json(body): Json<SignUp>) -> Answer {
    let customer = customers::sign_up(&pool, &body.address).await?;
    Ok((StatusCode::CREATED, Json(json!({ "customer": customer }))))
}

#[derive(Deserialize)]
struct Order {
    customer: i64,
    item: String,
    count: i32,
}

/// The order is taken; what becomes of it is asked later.
async fn place(State(pool): State<PgPool>, Json(body): Json<Order>) -> Answer {
    match orders::place(&pool, body.customer, &body.item, body.count).await? {
        Some(order) => Ok((StatusCode::ACCEPTED, Json(json!({ "order": order })))),
        None => Ok((
            StatusCode::NOT_FOUND,
            Json(json!({ "error": "there is no such customer, or no such item" })),
        )),
    }
}

async fn show(State(pool): State<PgPool>, Path(order): Path<i64>) -> Answer {
    let Some(run) = orders::find(&pool, order).await? else { return Ok(no_order()) };
    let (ended, nodes) = (run.fetch(&pool).await?, run.nodes(&pool).await?);
    let steps =
        nodes.iter().map(|node| (node.name.clone(), json!(node.state.to_string()))).collect::<Value>();
    Ok((
        StatusCode::OK,
        Json(json!({ "state": ended.state.to_string(), "reason": ended.reason, "steps": steps })),
    ))
}

/// The carrier says where the parcel of an order was delivered; the job that waits for it goes on.
async fn delivered(State(pool): State<PgPool>, Path(order): Path<i64>, Json(place): Json<String>) -> Answer {
    if orders::find(&pool, order).await?.is_none() {
        return Ok(no_order());
    }
    let is_first = pgjobs::signal(&pool, &delivery::signal(order), &place).await?;
    Ok((StatusCode::OK, Json(json!({ "heard": is_first }))))
}

fn no_order() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({ "error": "there is no such order" })))
}

/// A request that the database did not take.
struct Failed(pgjobs::Error);

impl<E: Into<pgjobs::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Failed(error.into())
    }
}

impl IntoResponse for Failed {
    /// What the customer did wrong, as the table's constraint finds it; anything else is for the log alone.
    fn into_response(self) -> Response {
        let kind = match &self.0 {
            pgjobs::Error::Database(sqlx::Error::Database(error)) => Some(error.kind()),
            _ => None,
        };
        let (status, words) = match kind {
            Some(sqlx::error::ErrorKind::UniqueViolation) => {
                (StatusCode::CONFLICT, "this address has a customer")
            }
            Some(sqlx::error::ErrorKind::CheckViolation) => {
                (StatusCode::BAD_REQUEST, "an order has one or more")
            }
            _ => {
                eprintln!("a request failed: {}", self.0);
                (StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
        };
        (status, Json(json!({ "error": words }))).into_response()
    }
}
