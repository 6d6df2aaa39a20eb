//! Events over HTTP, for the customers of your own axum program: server-sent events and WebSockets.
//!
//! ```no_run
//! use axum::Router;
//! use axum::http::request::Parts;
//!
//! #[derive(Clone)]
//! struct Customer(i64); // your login's middleware puts it into the request
//!
//! fn app(pool: sqlx::PgPool) -> Router {
//!     let events = pgjobs::web::events(pool).authorize(|request: &Parts, event| {
//!         let customer = request.extensions.get::<Customer>();
//!         customer.is_some_and(|customer| event.meta("customer") == Some(customer.0.into()))
//!     });
//!     Router::new().nest("/jobs/events", events.router()) // GET /jobs/events/sse and /jobs/events/ws
//! }
//! ```
//!
//! In the page: `new EventSource("/jobs/events/sse?after=POSITION")`, with a listener for each kind of event
//! (`progress`, `completed`, …) and one for `resync`. [`events::position`](crate::events::position) gives the
//! position; take it before you read what the page shows at first.
//!
//! | request | meaning |
//! |---|---|
//! | `Last-Event-ID` | goes on after this event; browsers send it when they reconnect |
//! | `?after=` | begins after this position; without either, with what happens from now on |
//! | `?topic=`, `?kind=`, `?job=` | only these: a topic; kinds, with commas in between; one job |
//!
//! An event is a JSON object with `job_id`, `task`, `kind`, `attempt`, `at`, and where they say something
//! `done`, `total`, `note`, `error` (a class, never a text) and `purged`. It has no part of the job's meta. Over
//! server-sent events its position is the event's id; over a WebSocket it is in the object, as `position`. A
//! `resync` has a `reason` and a `position`, and means that the page has to read the state anew. Only events
//! have ids, so that a browser that reconnects never goes on after something that it has not heard.

mod origin;
mod request;
mod shown;
mod socket;
mod sse;

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::routing::get;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use sqlx::PgPool;

use crate::events::Event;

type Hook = dyn Fn(&Parts, &Event) -> bool + Send + Sync;

/// Serves the events of this database; they are closed until [`authorize`](Unauthorized::authorize) says who
/// may hear what. See the [module](mod@crate::web::events).
///
/// ```no_run
/// # fn f(pool: sqlx::PgPool) -> axum::Router {
/// // In a program for colleagues, who may all hear of everything.
/// let events = pgjobs::web::events(pool).authorize(|_, _| true);
/// axum::Router::new().nest("/jobs/events", events.router())
/// # }
/// ```
pub fn events(pool: PgPool) -> Unauthorized {
    Unauthorized { pool }
}

/// Events that nobody may hear yet, as [`events`] returns them.
///
/// ```no_run
/// use pgjobs::web::events::{EventRoutes, Unauthorized};
///
/// // One part of the program has the database; this one knows who may hear what.
/// fn of_exports(events: Unauthorized) -> EventRoutes {
///     events.authorize(|_, event| event.task.starts_with("export."))
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is served before `authorize` and `router`"]
pub struct Unauthorized {
    pool: PgPool,
}

impl Unauthorized {
    /// Decides for each event whether this request may hear of it.
    ///
    /// The hook gets the head of the request, with what your middleware put into its extensions. It is called
    /// for each event and each connection that asked for such events, so it should not take long. Whoever it
    /// refuses does not learn that there was anything.
    ///
    /// ```no_run
    /// #[derive(Clone)]
    /// struct Customer(i64); // your login's middleware puts it into the request
    ///
    /// # fn f(pool: sqlx::PgPool) {
    /// // Jobs that were published with `.meta("customer", 7)` are those of customer 7.
    /// let events = pgjobs::web::events(pool).authorize(|request, event| {
    ///     let customer = request.extensions.get::<Customer>();
    ///     customer.is_some_and(|customer| event.meta("customer") == Some(customer.0.into()))
    /// });
    /// # }
    /// ```
    pub fn authorize(self, hook: impl Fn(&Parts, &Event) -> bool + Send + Sync + 'static) -> EventRoutes {
        let until: BoxFuture<'static, ()> = Box::pin(std::future::pending());
        let inner =
            Inner { pool: self.pool, hook: Box::new(hook), origins: Vec::new(), until: until.shared() };
        EventRoutes { inner }
    }
}

/// Events with a decision who may hear them; [`router`](EventRoutes::router) makes routes of them.
///
/// ```no_run
/// # fn f(pool: sqlx::PgPool, stop: impl Future<Output = ()> + Send + 'static) -> axum::Router {
/// let events = pgjobs::web::events(pool).authorize(|_, event| event.meta("public") == Some(true.into()));
/// let events = events.origin("https://shop.example").until(stop);
/// axum::Router::new().nest("/jobs/events", events.router())
/// # }
/// ```
#[must_use = "nothing is served before `router`"]
pub struct EventRoutes {
    inner: Inner,
}

/// What the handlers share.
struct Inner {
    pool: PgPool,
    hook: Box<Hook>,
    origins: Vec<String>,
    until: Shared<BoxFuture<'static, ()>>,
}

impl EventRoutes {
    /// Accepts WebSockets from pages of this origin too, such as `https://app.example`; called several times,
    /// from each. Without it, only pages of the host that the request names may open one: a browser lets any
    /// page try, with the cookies of the user.
    ///
    /// ```no_run
    /// # fn f(pool: sqlx::PgPool) {
    /// // The pages are at app.example, and this program at api.example.
    /// let events = pgjobs::web::events(pool).authorize(|_, _| true).origin("https://app.example");
    /// # }
    /// ```
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.inner.origins.push(origin.into());
        self
    }

    /// Ends all connections once this future is ready, so that a graceful shutdown does not wait for them:
    /// they never end by themselves. Pass what `axum::serve(…).with_graceful_shutdown(…)` waits for.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool, listener: tokio::net::TcpListener) -> std::io::Result<()> {
    /// let stop = || async { _ = tokio::signal::ctrl_c().await };
    /// let events = pgjobs::web::events(pool).authorize(|_, _| true).until(stop());
    /// let app = axum::Router::new().nest("/jobs/events", events.router());
    /// axum::serve(listener, app).with_graceful_shutdown(stop()).await?;
    /// # Ok(()) }
    /// ```
    pub fn until(mut self, shutdown: impl Future<Output = ()> + Send + 'static) -> Self {
        let until: BoxFuture<'static, ()> = Box::pin(shutdown);
        self.inner.until = until.shared();
        self
    }

    /// The routes `/sse` and `/ws`, for [`Router::nest`].
    ///
    /// ```no_run
    /// # fn f(pool: sqlx::PgPool) {
    /// let events = pgjobs::web::events(pool).authorize(|_, _| true).router();
    /// let app: axum::Router = axum::Router::new().nest("/jobs/events", events);
    /// // In the page: new EventSource("/jobs/events/sse?topic=export.*&kind=progress,completed")
    /// # }
    /// ```
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let inner = Arc::new(self.inner);
        let (sse, socket) = (Arc::clone(&inner), inner);
        Router::new()
            .route("/sse", get(move |request| sse::serve(Arc::clone(&sse), request)))
            .route("/ws", get(move |upgrade, request| socket::serve(Arc::clone(&socket), upgrade, request)))
    }
}

impl std::fmt::Debug for EventRoutes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventRoutes").field("origins", &self.inner.origins).finish_non_exhaustive()
    }
}
