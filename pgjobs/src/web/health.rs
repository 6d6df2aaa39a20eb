//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;

use super::reason::{AWAY, reason};
use crate::db::refusal::server_code;
use crate::inspect::Problem;
use crate::types::severity::Severity;
use crate::{WorkerHealth, inspect, migrations};

/// A database that has not answered for so long is not there for a probe.
const LIMIT: Duration = Duration::from_secs(3);

/// Who is asked how they are.
struct Asked {
    /// Each server by its name; one without a name where there is one.
    servers: Vec<(Option<String>, PgPool)>,
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
    router(vec![(None, pool)], worker)
}

/// As [`health()`], of several servers: `/readyz` is well when one of them is and none that answers has an older schema,
/// since a process serves the others while one is away; `/healthz?deep` has the problems of all, each with its `server`, and one that is away is among the
/// reasons.
///
/// ```no_run
/// # fn f(eu: sqlx::PgPool, us: sqlx::PgPool) {
/// let router = pgjobs::web::health_of_servers([("eu".to_owned(), eu), ("us".to_owned(), us)], None);
/// # }
/// ```
pub fn health_of_servers(
    servers: impl IntoIterator<Item = (String, PgPool)>,
    worker: Option<WorkerHealth>,
) -> Router {
    router(servers.into_iter().map(|(name, pool)| (Some(name), pool)).collect(), worker)
}

fn router(servers: Vec<(Option<String>, PgPool)>, worker: Option<WorkerHealth>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(Arc::new(Asked { servers, worker }))
}

async fn healthz(State(asked): State<Arc<Asked>>, RawQuery(query): RawQuery) -> Response {
    if let Err(reason) = asked.worker.as_ref().map_or(Ok(()), WorkerHealth::is_alive) {
        return answer(Err(reason), Value::Null);
    }
    let is_deep = query.is_some_and(|query| query.split('&').any(|part| part == "deep" || part == "deep="));
    if is_deep { deep(&asked.servers).await } else { answer(Ok(()), Value::Null) }
}

async fn deep(servers: &[(Option<String>, PgPool)]) -> Response {
    let asked: Vec<_> = servers.iter().map(|(_, pool)| problems(pool.clone())).collect();
    let (mut found, mut errors, mut away) = (Vec::new(), 0, Vec::new());
    for ((name, _), problems) in servers.iter().zip(join_all(asked).await) {
        match problems {
            Ok(problems) => {
                errors += problems.iter().filter(|problem| problem.severity == Severity::Error).count();
                found.extend(problems.into_iter().map(|problem| placed(name.as_deref(), &problem)));
            }
            Err(reason) => away.push(on(name.as_deref(), reason)),
        }
    }
    let problems = if away.len() < servers.len() { json!(found) } else { Value::Null };
    let failing = (errors > 0).then(|| format!("{errors} problems are errors"));
    let reasons: Vec<String> = away.into_iter().chain(failing).collect();
    answer(if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }, problems)
}

async fn problems(pool: PgPool) -> Result<Vec<Problem>, String> {
    match timeout(LIMIT, inspect::problems(&pool)).await {
        Ok(Ok(problems)) => Ok(problems),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not say what is wrong");
            Err(reason(&error))
        }
        Err(_) => Err(AWAY.to_owned()),
    }
}

/// A reason with the server that it is of, where there are several.
fn on(server: Option<&str>, reason: String) -> String {
    server.map_or(reason.clone(), |server| format!("{server}: {reason}"))
}

fn placed(server: Option<&str>, problem: &Problem) -> Value {
    let mut document = json!(problem);
    if let Some(server) = server {
        document["server"] = json!(server);
    }
    document
}

async fn readyz(State(asked): State<Arc<Asked>>) -> Response {
    let worker = asked.worker.as_ref().map_or(Ok(()), WorkerHealth::is_ready);
    let well = match worker {
        Ok(()) => is_installed(&asked.servers).await,
        reason => reason,
    };
    answer(well, Value::Null)
}

/// Why a server is not ready.
enum Unready {
    /// It answers, and its schema is not that of this release: what was deployed is not complete.
    Behind(String),
    Away(String),
}

/// Whether all servers that answer are installed, and one of them answers; else the reasons.
async fn is_installed(servers: &[(Option<String>, PgPool)]) -> Result<(), String> {
    let asked: Vec<_> = servers.iter().map(|(_, pool)| has_release(pool.clone())).collect();
    let (mut behind, mut away) = (Vec::new(), Vec::new());
    for ((name, _), answer) in servers.iter().zip(join_all(asked).await) {
        match answer {
            Ok(()) => {}
            Err(Unready::Behind(reason)) => behind.push(on(name.as_deref(), reason)),
            Err(Unready::Away(reason)) => away.push(on(name.as_deref(), reason)),
        }
    }
    let is_ready = behind.is_empty() && away.len() < servers.len();
    behind.extend(away);
    if is_ready { Ok(()) } else { Err(behind.join("; ")) }
}

/// Whether the database answers and has what this release needs.
async fn has_release(pool: PgPool) -> Result<(), Unready> {
    let pending = match timeout(LIMIT, migrations::pending(&pool)).await {
        Ok(Ok(pending)) => pending,
        // A reader may not see what was applied; but the database has answered.
        Ok(Err(error)) if server_code(&error).is_some_and(|code| code == "42501") => return Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            return Err(Unready::Away(reason(&error)));
        }
        Err(_) => return Err(Unready::Away(AWAY.to_owned())),
    };
    match pending.first() {
        None => Ok(()),
        Some(first) => {
            let reason = format!("the schema is older than this program: {} is not applied", first.name);
            Err(Unready::Behind(reason))
        }
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
