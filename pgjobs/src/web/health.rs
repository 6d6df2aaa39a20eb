//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;

use super::reason::{AWAY, reason};
use crate::db::refusal::server_code;
use crate::types::severity::Severity;
use crate::{WorkerHealth, inspect, migrations};

/// A database that has not answered for so long is not there for a probe.
const LIMIT: Duration = Duration::from_secs(3);

/// Who is asked how they are.
struct Asked {
    pool: PgPool,
    worker: Option<WorkerHealth>,
}

/// Health for probes, as JSON and by status: 200 when it is well, else 503 with the reason.
///
/// | path | says |
/// |---|---|
/// | `/healthz` | the process lives, and with a worker that its loops turn. A database that is away changes nothing: a new process would not help |
/// | `/readyz` | the database answers, its schema is that of this release or newer, and with a worker that it is registered and does not end |
/// | `/healthz?deep` | as `/healthz`, with the problems that `pgjobs doctor` shows; 503 when one of them is an error. For people and monitors, never for a probe that ends processes |
///
/// There is no login; `/healthz?deep` shows what `pgjobs doctor` does: names of tasks, roles, hosts, no argument,
/// result or error of a job. Its role has to be one that may call `jobs.problems`.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let worker = pgjobs::Worker::new(pool.clone()).start().await?;
/// let app = pgjobs::web::health(pool, Some(worker.health()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
/// axum::serve(listener, app).await?;
/// # Ok(()) }
/// ```
pub fn health(pool: PgPool, worker: Option<WorkerHealth>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Arc::new(Asked { pool, worker }))
}

async fn healthz(State(asked): State<Arc<Asked>>, RawQuery(query): RawQuery) -> Response {
    if let Err(reason) = asked.worker.as_ref().map_or(Ok(()), WorkerHealth::is_alive) {
        return answer(Err(reason), Value::Null);
    }
    let is_deep = query.is_some_and(|query| query.split('&').any(|part| part == "deep" || part == "deep="));
    if is_deep { deep(&asked.pool).await } else { answer(Ok(()), Value::Null) }
}

async fn deep(pool: &PgPool) -> Response {
    match timeout(LIMIT, inspect::problems(pool)).await {
        Ok(Ok(problems)) => {
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            let well = if errors == 0 { Ok(()) } else { Err(format!("{errors} problems are errors")) };
            answer(well, json!(problems))
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not say what is wrong");
            answer(Err(reason(&error)), Value::Null)
        }
        Err(_) => answer(Err(AWAY.to_owned()), Value::Null),
    }
}

async fn readyz(State(asked): State<Arc<Asked>>) -> Response {
    let worker = asked.worker.as_ref().map_or(Ok(()), WorkerHealth::is_ready);
    let well = match worker {
        Ok(()) => is_installed(&asked.pool).await,
        reason => reason,
    };
    answer(well, Value::Null)
}

/// Whether the database answers and has what this release needs.
async fn is_installed(pool: &PgPool) -> Result<(), String> {
    let pending = match timeout(LIMIT, migrations::pending(pool)).await {
        Ok(Ok(pending)) => pending,
        // A reader may not see what was applied; but the database has answered.
        Ok(Err(error)) if server_code(&error).is_some_and(|code| code == "42501") => return Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            return Err(reason(&error));
        }
        Err(_) => return Err(AWAY.to_owned()),
    };
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(format!("the schema is older than this program: {} is not applied", first.name)),
    }
}

fn answer(well: Result<(), String>, problems: Value) -> Response {
    let (status, mut document) = match well {
        Ok(()) => (StatusCode::OK, json!({ "status": "ok" })),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "failing", "reason": reason })),
    };
    if !problems.is_null() {
        document["problems"] = problems;
    }
    let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, head, document.to_string() + "\n").into_response()
}
