//! A task framework for Rust on the PostgreSQL you already run.
//!
//! Annotate a function, publish a call of it inside your transaction, and a worker runs it: at least once,
//! with at most one completion accepted. The macro uses a PL/pgSQL layer, schema `jobs`, that any language,
//! trigger or REST gateway can publish to and consume from.
//!
//! ```no_run
//! use pgjobs::{TaskError, Worker, task};
//! use pgjobs::sqlx::PgPool;
//!
//! struct Mailer;
//! # impl Mailer { async fn send(&self, _: i64, _: &str) -> Result<(), std::io::Error> { Ok(()) } }
//!
//! /// Sends the welcome letter.
//! #[task(name = "mail.welcome", retries = 5, timeout = "30s")]
//! async fn welcome(
//!     #[inject] mailer: &Mailer,
//!     user_id: i64,
//!     #[default("en")] locale: String,
//! ) -> Result<(), TaskError> {
//!     mailer.send(user_id, &locale).await?; // any error: retried with backoff
//!     Ok(())
//! }
//!
//! # async fn sign_up(pool: &PgPool) -> Result<(), pgjobs::Error> {
//! // In the web server: the user and the job commit together, or neither does.
//! let mut tx = pool.begin().await?;
//! // … insert the user …
//! welcome::publish(&mut *tx, 7).await?;
//! tx.commit().await?;
//! # Ok(()) }
//!
//! # async fn work(pool: PgPool) -> Result<(), pgjobs::Error> {
//! // In the worker:
//! pgjobs::migrate(&pool).await?;
//! Worker::new(pool).topic("mail.*").concurrency(16).state(Mailer).run().await?;
//! # Ok(()) }
//! ```
//!
//! # Vocabulary
//! A **task** is a function; a **job** is one published call; a **worker** runs jobs; a **topic** is a
//! pattern over dotted task names. Two rules: **greater priority runs first**, and **`retries` counts runs in
//! all**: 3 means at most three.
//!
//! # Guarantees
//! - A job whose transaction committed is never lost, and ends in `jobs.job` with its last error.
//! - Every job is started at least once, and at most one completion of it is accepted: each attempt has a
//!   lease, and an outcome with a lease that is gone is rejected.
//! - Effects happen exactly once when they and the acknowledgement are in one transaction: [`Job::finish`].
//! - The jobs of a worker that died run again within seconds.
//! - Notifications only reduce latency; everything works without them.
//!
//! # Overview
//! [`task`](macro@task) declares · [`Task::publish`], [`publish_all`], [`NewJob`], [`Tx`] publish · [`JobHandle::wait`]
//! waits · [`Worker`] runs jobs · [`layers`] and [`on_publish`] add code around all of that · [`inspect`] queries ·
//! [`workflow`] lets jobs wait for others · [`schedule`] publishes at set times · [`Steps`] go on where they were, sleep and wait for a [`signal()`] · [`limits`] say how many run · [`events`](mod@events) says what happens · [`admin`] operates · [`migrate`] installs · [`deploy`] checks before a deployment · [`testing`] helps tests.
//! Rarely needed: [`define`] writes tasks by hand, [`migrations`] lists what [`migrate`] applies.
//!
//! # Features
//! No feature is enabled by default.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS (rustls, the system's roots) for the connections of your pool and of the worker |
//! | `cli` | `pgjobs::cli::main()`, the whole command line for your own binary, and the program `pgjobs` |
//! | `local-postgres` | the module `local_postgres`, a private PostgreSQL server for development and tests |
//! | `testing` | `#[pgjobs::test]` and most of the module [`testing`]: a database for each test, assertions, a clock |
//! | `logs` | the module `logs`: what tasks log is kept with their jobs (a layer for `tracing-subscriber`); part of `cli` |
//! | `metrics` | counters and histograms of publishers and workers through the facade of crate `metrics` |
//! | `web` | what is served over HTTP: the dashboard, streams of events, health and metrics; part of it are `metrics` |
//! | `otel` | OpenTelemetry: the trace of a publisher goes on in the worker |
//! | `top` | `pgjobs top`, a page in the terminal (with `cli`) |
//! | `linkme` | registers tasks through linker sections, for targets where constructors do not run |
//! | `rust_decimal`, `bigdecimal`, `url`, `bytes`, `chrono-tz`, `jiff`, `indexmap`, `semver` | types of these crates [as arguments](macro@task#types-as-arguments) and results |

pub mod admin;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
pub mod define;
pub mod deploy;
pub mod events;
pub mod inspect;
pub mod layers;
pub mod limits;
#[cfg(feature = "logs")]
pub mod logs;
pub mod migrations;
#[cfg(feature = "otel")]
pub mod otel;
pub mod schedule;
mod signal;
pub mod testing;
#[cfg(feature = "web")]
pub mod web;
pub mod workflow;

mod db;
mod metrics;
mod publish;
mod task;
mod types;
mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use db::migrate::migrate;
pub use events::events;
pub use limits::{Limiter, limiter};
pub use publish::{
    JobHandle, NewJob, Publish, PublishAll, Publisher, Tx, TxConnection, on_publish, publish_all, results,
    wait_all,
};
pub use signal::signal;
pub use task::cancel::CancelToken;
pub use task::definition::Task;
pub use task::job::{Job, OnSuccess};
pub use task::joint::context::Jobs;
pub use task::steps::{OnChange, Steps};
pub use types::backoff::Backoff;
pub use types::error::Error;
pub use types::job_id::JobId;
pub use types::job_state::JobState;
pub use types::log_level::LogLevel;
pub use types::options::{Keep, Validation};
pub use types::progress::{LogLine, Progress};
pub use types::step_error::StepError;
pub use types::task_error::TaskError;
#[cfg(feature = "chrono-tz")]
pub use types::time_zone::TimeZone;
pub use types::topic::Topic;
pub use types::trace_context::Trace;
pub use types::unique::{OnConflict, PublishOutcome, Unique, Until};
pub use worker::{End, Worker, WorkerHandle, WorkerHealth, WorkerReport};

#[cfg(feature = "local-postgres")]
#[doc(inline)]
pub use pgjobs_local_postgres as local_postgres;

// Their types are part of the public interface: users get the same versions without a dependency on them.
pub use {chrono, schemars, serde, serde_json, sqlx};

#[doc = include_str!("task/macro.md")]
pub use pgjobs_macros::task;

/// Makes an `async fn` a test with a migrated database of its own.
///
/// The function takes the [`testing::Database`], a `PgPool` on it, a reference to either, or nothing, and
/// returns what tests return: nothing or a `Result`. It runs on a tokio runtime with two threads. Its
/// database is dropped when it ends, also when it panics; `#[should_panic]`, `#[ignore]` and other attributes
/// work as on any test. Where the database comes from is in [`testing`].
///
/// | option | meaning |
/// |---|---|
/// | `setup = create_tables` | an `async fn(&PgPool) -> Result<(), E>` that prepares what all databases of this test program begin with: your own migrations |
/// | `crate = path` | the path of pgjobs, when it was renamed |
///
/// The setup runs once, in the template that the databases are copies of, after schema `jobs` was made:
///
/// ```
/// # mod hidden {
/// use pgjobs::{sqlx::{self, PgPool}, testing::Database};
///
/// async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
///     // sqlx::migrate!().run(pool).await
///     sqlx::query("create table customer (id bigint primary key)").execute(pool).await?;
///     Ok(())
/// }
///
/// #[pgjobs::test(setup = create_tables)]
/// async fn there_are_no_customers_at_first(db: Database) -> Result<(), sqlx::Error> {
///     let customers = sqlx::query("select from customer").fetch_all(db.pool()).await?;
///     assert!(customers.is_empty());
///     Ok(())
/// }
/// # }
/// ```
///
/// # Panics
/// The test fails when there is no server, when its role may not create databases, and when the setup fails;
/// the message says what to do.
#[cfg(feature = "testing")]
pub use pgjobs_macros::test;

// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
