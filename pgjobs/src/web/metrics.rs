//! `/metrics` and `/metrics/database`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sqlx::PgPool;
use tokio::sync::Mutex;

use super::reason::reason;
use super::recorder;
use super::text;
use crate::db;
use crate::db::standby::is_recovery_conflict;
use crate::types::error::Error;

/// The media type of the text format of Prometheus.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long one look at the database serves all who ask.
const FRESH: Duration = Duration::from_secs(2);

/// What the database answered last.
struct Look {
    pool: PgPool,
    last: Mutex<Option<(Instant, String)>>,
}

/// Metrics in the text format of Prometheus: `/metrics` those of this process (it calls [`record`]), and
/// `/metrics/database` those of the database, which are the same wherever they are asked for: let Prometheus
/// scrape them from one place.
///
/// The database is asked by this pool, at most once in two seconds however many ask, for at most two seconds;
/// its role has to be one that may call `jobs.metrics`, such as a member of `jobs_reader`. Who may ask is
/// decided by where you mount it: there is no login. Both paths show the names of tasks and nothing of jobs.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
/// let app = pgjobs::web::metrics(pool); // or `your_router.merge(pgjobs::web::metrics(pool))`
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
/// axum::serve(listener, app).await?;
/// # Ok(()) }
/// ```
///
/// A pool of a hot standby will do: what is measured is then as old as `pgjobs_standby_lag_seconds` says, and what
/// PostgreSQL counts for itself (dead rows, sessions) is that of the standby.
///
/// Answers 503 when the database does not answer, and `/metrics` 404 when another recorder of crate `metrics`
/// has the metrics of this process.
///
/// [`record`]: super::record
pub fn metrics(pool: PgPool) -> Router {
    super::record();
    let look = Arc::new(Look { pool, last: Mutex::default() });
    Router::new()
        .route("/metrics", get(of_process))
        .route("/metrics/database", get(of_database))
        .with_state(look)
}

async fn of_process() -> Response {
    match recorder::text() {
        Some(text) => prometheus(text),
        None => {
            let reason = "another recorder has the metrics of this process\n";
            (StatusCode::NOT_FOUND, reason).into_response()
        }
    }
}

async fn of_database(State(look): State<Arc<Look>>) -> Response {
    // Locked while it asks: whoever comes meanwhile gets the same answer.
    let mut last = look.last.lock().await;
    if let Some((_, text)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
        return prometheus(text.clone());
    }
    match ask(&look.pool).await {
        Ok(text) => {
            *last = Some((Instant::now(), text.clone()));
            prometheus(text)
        }
        Err(error) => {
            tracing::warn!(%error, "the database does not say what it measures");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", reason(&error))).into_response()
        }
    }
}

async fn ask(pool: &PgPool) -> Result<String, Error> {
    let mut connection = pool.acquire().await?;
    let read = match db::metrics::metrics(&mut connection).await {
        Err(error) if is_recovery_conflict(&error) => db::metrics::metrics(&mut connection).await,
        read => read,
    };
    Ok(text::text(&read?))
}

fn prometheus(text: String) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
