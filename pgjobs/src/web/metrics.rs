//! `/metrics` and `/metrics/database`.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::future::join_all;
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::reason::reason;
use super::recorder;
use super::text;
use crate::db;
use crate::db::metrics::Series;
use crate::db::replay::is_recovery_conflict;
use crate::types::error::Error;

/// The media type of the text format of Prometheus.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long one look at the database serves all who ask.
const FRESH: Duration = Duration::from_secs(2);

/// How long one of several servers is waited for; the others are not to be late for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// A connection that has not answered for so long is lost: the database answers this in two seconds, or refuses.
const LOST: Duration = Duration::from_secs(15);

/// Whom to ask.
enum Servers {
    One(PgPool),
    Several(Vec<(String, PgPool)>),
}

/// What the database answered last.
struct Look {
    servers: Servers,
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
    router(Servers::One(pool))
}

/// As [`metrics()`], of several servers: each series of `/metrics/database` has a label `server`, and
/// `pgjobs_server_up` is 1 for each that answers and 0 for one that does not, whose other series are missing then. It
/// answers 503 only when none answers.
///
/// ```no_run
/// # fn f(eu: sqlx::PgPool, us: sqlx::PgPool) {
/// let router = pgjobs::web::metrics_of_servers([("eu".to_owned(), eu), ("us".to_owned(), us)]);
/// # }
/// ```
pub fn metrics_of_servers(servers: impl IntoIterator<Item = (String, PgPool)>) -> Router {
    router(Servers::Several(servers.into_iter().collect()))
}

fn router(servers: Servers) -> Router {
    super::record();
    let look = Arc::new(Look { servers, last: Mutex::default() });
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
    match ask(&look.servers).await {
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

async fn ask(servers: &Servers) -> Result<String, Error> {
    match servers {
        Servers::One(pool) => Ok(text::text(&series(pool.clone()).await?)),
        Servers::Several(all) => of_several(all).await,
    }
}

async fn series(pool: PgPool) -> Result<Vec<Series>, Error> {
    let late = |_| Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer")).into());
    timeout(LOST, read(pool)).await.unwrap_or_else(late)
}

async fn read(pool: PgPool) -> Result<Vec<Series>, Error> {
    // A standby may have ended the session: the second time needs another one.
    let read = async || db::metrics::metrics(&mut *pool.acquire().await?).await;
    match read().await {
        Err(error) if is_recovery_conflict(&error) => read().await,
        read => read,
    }
}

/// The series of all that answer, each with its server.
async fn of_several(all: &[(String, PgPool)]) -> Result<String, Error> {
    // Each in a task of its own: one that is late is not broken off, which would harm its connection.
    let asked: Vec<_> =
        all.iter().map(|(_, pool)| timeout(PATIENCE, tokio::spawn(series(pool.clone())))).collect();
    let (mut found, mut last) = (Vec::new(), None);
    for ((name, _), answer) in all.iter().zip(join_all(asked).await) {
        let answer = answer.ok().and_then(Result::ok).unwrap_or(Err(sqlx::Error::PoolTimedOut.into()));
        let is_up = answer.is_ok();
        match answer {
            Ok(series) => found.extend(series.into_iter().map(|one| on(name, one))),
            Err(error) => {
                tracing::warn!(server = %name, %error, "the database does not say what it measures");
                last = Some(error);
            }
        }
        found
            .push(on(name, Series { name: UP.to_owned(), labels: BTreeMap::new(), value: f64::from(is_up) }));
    }
    match last {
        Some(error) if found.len() == all.len() => Err(error),
        _ => {
            found.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(text::text(&found))
        }
    }
}

const UP: &str = "pgjobs_server_up";

fn on(server: &str, mut series: Series) -> Series {
    series.labels.insert("server".to_owned(), server.to_owned());
    series
}

fn prometheus(text: String) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS), (header::CACHE_CONTROL, "no-store")], text).into_response()
}
