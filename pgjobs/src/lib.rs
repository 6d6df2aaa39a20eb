//! The task framework for Rust on the PostgreSQL you already run.
//!
//! Annotate a function, publish a call of it inside your transaction, and let a worker run it: at
//! least once, with at most one completion accepted. Under the macro lies a PL/pgSQL layer, schema
//! `jobs`, that any language, trigger or REST gateway can publish to and consume from.
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
//! # The words
//! A **task** is a function; a **job** is one published call; a **worker** consumes; a **topic** is a
//! pattern over dotted task names. Two things to know: **greater priority runs first**, and
//! **`retries` counts runs in all**: 3 means at most three.
//!
//! # What holds
//! - A job whose transaction committed is never lost, and ends in `jobs.job` with its last error.
//! - Every job is started at least once, and at most one completion of it is accepted: each attempt
//!   holds a lease, and an outcome under a lease that is gone is refused.
//! - Effects happen exactly once when they and the acknowledgement share one transaction:
//!   [`Job::finish`].
//! - The jobs of a worker that died run again within seconds.
//! - Notifications only make things faster; everything works without them.
//!
//! # Where to look
//! [`task`] declares · [`Task::publish`], [`publish_all`], [`NewJob`], [`Tx`] publish ·
//! [`JobHandle::wait`] waits · [`Worker`] works · [`inspect`] looks · [`admin`] operates ·
//! [`migrate`] installs · [`deploy`] checks before a deployment · [`testing`] helps tests.
//!
//! # Features
//! None is on by default.
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS (rustls, the system's roots) for the connections of your pool and of the worker |
//! | `cli` | `pgjobs::cli::main()`, the whole command line for your own binary, and the program `pgjobs` |
//! | `local-postgres` | the module `local_postgres`, a PostgreSQL of your own for development and tests |
//! | `linkme` | registers tasks through linker sections, for targets where constructors do not run |
//! | `rust_decimal`, `bigdecimal`, `url`, `bytes`, `chrono-tz`, `jiff`, `indexmap`, `semver` | types of these crates [as arguments](task#types-as-arguments) and results |

pub mod admin;
#[cfg(feature = "cli")]
pub mod cli;
pub mod deploy;
pub mod inspect;
#[cfg(feature = "local-postgres")]
pub mod local_postgres;
pub mod testing;

mod db;
mod publish;
mod task;
mod types;
mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use db::migrate::{migrate, migration_script, pending_migrations};
pub use pgjobs_migrations::Step;
pub use publish::{JobHandle, NewJob, Publish, PublishAll, Publisher, Tx, TxConnection, publish_all};
pub use task::context::Context;
pub use task::definition::{BoxFuture, StateType, Task, TaskDef};
pub use task::job::Job;
pub use task::registry::linked_tasks;
pub use types::backoff::Backoff;
pub use types::body::{BodyError, Param};
pub use types::error::Error;
pub use types::job_id::JobId;
pub use types::job_state::JobState;
pub use types::options::{Keep, TaskOptions, Validation};
pub use types::task_error::{IntoOutcome, TaskError};
#[cfg(feature = "chrono-tz")]
pub use types::time_zone::TimeZone;
pub use types::topic::Topic;
pub use worker::{End, Worker, WorkerHandle, WorkerReport};

// Types of these crates stand in the public interface; the same versions, without naming them twice.
pub use {chrono, schemars, serde, serde_json, sqlx};

/// Makes an `async fn` a task.
///
/// The function stays what it is and can be called. Beside it stands a struct of the same name, the
/// call: its fields are the arguments, and it has
///
/// - `publish(publisher, required arguments…)`, which takes options and is sent by `.await`,
/// - `new(required arguments…)`, and a setter for each argument that may be absent; its
///   [`publish`](Task::publish) is there in the task's own module; elsewhere `use pgjobs::Task`.
///
/// # Parameters
/// | mark | the parameter is |
/// |---|---|
/// | none | an argument: owned, `Serialize + Deserialize + JsonSchema`; `Option` may be absent |
/// | `#[default(expr)]` | an argument that is `expr` when absent |
/// | `#[kwargs]` | a map of all keyword arguments that no other parameter takes; last |
/// | `#[schemars(with = "String")]` | an argument whose JSON is described by another type, because its own has no `JsonSchema` |
/// | `#[inject]` | not part of the job: `&T` borrows (`T` clones) what the worker was given with `.state(…)`; `&Job` is the job itself, `&PgPool` the worker's pool |
///
/// # Options
/// | option | meaning | default |
/// |---|---|---|
/// | `name = "mail.welcome"` | the dotted name; pin it before you move the function | its module path |
/// | `aliases = ["mail.hello"]` | earlier names, so that old jobs still run | none |
/// | `retries = 5` | runs in all, 1 to 1000 | 3 |
/// | `timeout = "30s"` | the longest a run may take: `250ms`, `5m`, `1h30m`, up to `7d`; or `timeout = 30`, whole seconds | 60 s |
/// | `priority = 3` | greater runs first | 0 |
/// | `backoff = "exponential(1s, 1h)"` | or `"linear(5s)"`, `"fixed(10s)"`; see [`Backoff`] | 3 s, doubled, at most 1 h |
/// | `keep = "failed"` | which ended jobs stay in history: `"all"`, `"failed"`, `"none"`; see [`Keep`] | `"all"` |
/// | `validate = "warn"` | what the database does when somebody publishes arguments that do not fit: `"off"`, `"warn"`, `"strict"`; see [`Validation`] | `"strict"` |
/// | `call = Welcome` | names the struct, when the function's name is taken | the function's name |
/// | `crate = path` | where pgjobs is, when it was renamed | `::pgjobs` |
///
/// # Result
/// Nothing, or `Result<T, E>`: `T` is stored as the job's result, and `E` is any error, a string, or
/// a [`TaskError`] that says what happens next. A panic counts as an error. A run that outlasts its
/// timeout is dropped at its next `.await`; wrap work that blocks in `spawn_blocking`. (What blocks
/// keeps one thread of your runtime busy; the worker itself has its own and goes on. When it blocks all of
/// them, the worker hands back what has not begun, and claims no more until they run again.)
///
/// What a timeout does not stop goes on beside the next run: a closure in `spawn_blocking`, and a statement that the
/// database is executing, with its connection of the pool and its locks. Give both an end of their own before the
/// task's: check a flag in the closure, set `statement_timeout` for the pool. After `Worker::run` end the
/// runtime with `shutdown_timeout`, or the process waits for such closures; `pgjobs::cli::main` does.
///
/// # Your own types
/// An argument or result type derives `JsonSchema`; without `schemars` among your dependencies, tell
/// the derive where it is:
///
/// ```
/// use pgjobs::{TaskError, schemars::JsonSchema, serde::{Deserialize, Serialize}, task};
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// #[serde(crate = "pgjobs::serde")]
/// #[schemars(crate = "pgjobs::schemars")]
/// struct Order {
///     id: i64,
///     lines: Vec<String>,
/// }
///
/// /// Packs an order and returns the number of its parcels.
/// #[task(aliases = ["shop.pack_order"])]
/// async fn pack(order: Order, #[default(5)] per_parcel: usize, note: Option<String>) -> Result<usize, TaskError> {
///     if order.lines.is_empty() {
///         return Err(TaskError::fatal("nothing to pack"));
///     }
///     Ok(order.lines.len().div_ceil(per_parcel))
/// }
///
/// # async fn f(pool: &pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::Task;
///
/// let order = Order { id: 1, lines: vec!["tea".into()] };
/// let job = pack::new(order).per_parcel(2).note("fragile").publish(pool).await?;
/// let parcels: usize = job.wait(pool).await?;
/// # Ok(()) }
/// ```
///
/// # Types as arguments
/// An argument is `Serialize`, `Deserialize` and `JsonSchema`, and so is a result but for the second.
///
/// | type | |
/// |---|---|
/// | numbers, `bool`, `char`, `String`, `Option`, tuples, arrays, `Vec`, sets, maps, `Box`, `Arc`, `std::time::Duration`, `SystemTime`, `PathBuf`, `IpAddr`, `SocketAddr`, `serde_json::Value` | yes |
/// | your own | derive the three, see above |
/// | `chrono`: `DateTime`, `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `TimeDelta`, `Weekday` | yes |
/// | `uuid::Uuid` | yes |
/// | `rust_decimal::Decimal`, `bigdecimal::BigDecimal` | feature `rust_decimal`, `bigdecimal` |
/// | `url::Url`, `bytes::Bytes` | feature `url`, `bytes` |
/// | `jiff`, `indexmap`, `semver` | feature of that name |
/// | a time zone | feature `chrono-tz`: `pgjobs::TimeZone`, which holds a `chrono_tz::Tz` |
/// | of another crate that `schemars` knows: `arrayvec`, `either`, `smallvec`, `smol_str` | turn on its feature in `schemars` 1, and that crate's own `serde` |
/// | any other that is `serde::Serialize` and `Deserialize` | `#[schemars(with = "String")]` before the argument, or before the field of your type: the type that its JSON looks like |
/// | `&str`, `&[T]`, borrowed data | `String`, `Vec<T>` |
///
/// ```
/// use std::net::Ipv4Addr;
/// use pgjobs::{chrono::{DateTime, NaiveDate, Utc}, serde::{Deserialize, Serialize}, task};
///
/// /// Of a crate that does not know schemars.
/// #[derive(Serialize, Deserialize)]
/// # #[serde(crate = "pgjobs::serde")]
/// struct Money(String);
///
/// #[task]
/// async fn invoice(day: NaiveDate, due: DateTime<Utc>, #[schemars(with = "String")] sum: Money, from: Option<Ipv4Addr>) {}
/// ```
///
/// # What the compiler says
/// | words | because |
/// |---|---|
/// | `no method named … found for fn item`, `for opaque type impl Future` | `welcome` and `welcome(7)` are your function and its future, which runs here and now. A job is `welcome::publish(&pool, 7)` |
/// | `this function takes 2 arguments but 3 were supplied` | arguments that may be absent have setters: `welcome::new(7).locale("pt").publish(&pool)` |
/// | `no method named publish found for struct`, `use associated function syntax` | `use pgjobs::Task`, outside of the task's own module |
/// | `the name … is defined multiple times`, in the type namespace | a module or type has the function's name: `#[task(call = Welcome)]` names the struct otherwise |
/// | `expected …, found …` in `publish_all` | its calls are of one task; begin a [`Tx`], which sends all that was published to it together |
/// | `jobs cannot be published to …`, of a pool | the pool is of another version of sqlx than `pgjobs::sqlx` |
///
/// What the macro writes can be written by hand: a [`TaskDef`] and an implementation of [`Task`].
pub use pgjobs_macros::task;

// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
