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
//! [`schedule`] publishes at set times · [`admin`] operates · [`migrate`] installs · [`deploy`] checks before a deployment · [`testing`] helps tests.
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
//! | `linkme` | registers tasks through linker sections, for targets where constructors do not run |
//! | `rust_decimal`, `bigdecimal`, `url`, `bytes`, `chrono-tz`, `jiff`, `indexmap`, `semver` | types of these crates [as arguments](macro@task#types-as-arguments) and results |

pub mod admin;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
pub mod define;
pub mod deploy;
pub mod inspect;
pub mod layers;
#[cfg(feature = "logs")]
pub mod logs;
pub mod migrations;
pub mod schedule;
pub mod testing;

mod db;
mod publish;
mod task;
mod types;
mod worker;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use db::migrate::migrate;
pub use publish::{
    JobHandle, NewJob, Publish, PublishAll, Publisher, Tx, TxConnection, on_publish, publish_all,
};
pub use task::cancel::CancelToken;
pub use task::definition::Task;
pub use task::job::Job;
pub use task::joint::context::Jobs;
pub use types::backoff::Backoff;
pub use types::error::Error;
pub use types::job_id::JobId;
pub use types::job_state::JobState;
pub use types::log_level::LogLevel;
pub use types::options::{Keep, Validation};
pub use types::progress::{LogLine, Progress};
pub use types::task_error::TaskError;
#[cfg(feature = "chrono-tz")]
pub use types::time_zone::TimeZone;
pub use types::topic::Topic;
pub use types::unique::{OnConflict, PublishOutcome, Unique, Until};
pub use worker::{End, Worker, WorkerHandle, WorkerReport};

#[cfg(feature = "local-postgres")]
#[doc(inline)]
pub use pgjobs_local_postgres as local_postgres;

// Their types are part of the public interface: users get the same versions without a dependency on them.
pub use {chrono, schemars, serde, serde_json, sqlx};

/// Makes an `async fn` a task.
///
/// The function stays unchanged and can be called. The macro adds a struct of the same name, the call: its
/// fields are the arguments, and it has
///
/// - `publish(publisher, required arguments…)`, which takes options and is sent by `.await`,
/// - `new(required arguments…)`, and a setter for each argument that may be absent; its
///   [`publish`](Task::publish) is in scope in the task's own module; elsewhere `use pgjobs::Task`.
///
/// # Parameters
/// | attribute | the parameter is |
/// |---|---|
/// | none | an argument: owned, `Serialize + Deserialize + JsonSchema`; `Option` may be absent |
/// | `#[default(expr)]` | an argument that is `expr` when absent |
/// | `#[kwargs]` | a map of all keyword arguments that no other parameter takes; last |
/// | `#[each]` | a `Vec` with this argument of each job, in a batch handler (option `batch`); its attributes are those of one job |
/// | `#[schemars(with = "String")]` | an argument whose JSON is described by another type, because its own has no `JsonSchema` |
/// | `#[inject]` | not part of the job: `&T` borrows (`T` clones) what the worker was given with `.state(…)`; `&Job` is the job itself (`&Jobs` in a batch handler), `&PgPool` the worker's pool |
///
/// # Options
/// | option | meaning | default |
/// |---|---|---|
/// | `name = "mail.welcome"` | the dotted name; pin it before you move the function | its module path |
/// | `aliases = ["mail.hello"]` | earlier names, so that old jobs still run | none |
/// | `retries = 5` | the maximum number of runs, 1 to 1000 | 3 |
/// | `timeout = "30s"` | the time limit of a run: `250ms`, `5m`, `1h30m`, up to `7d`; or `timeout = 30`, whole seconds | 60 s |
/// | `warn_after = "20s"` | at this age of a run a warning is logged once, and [`Job::is_late`] is true; less than the timeout | none |
/// | `priority = 3` | jobs with a greater priority run first | 0 |
/// | `backoff = "exponential(1s, 1h)"` | or `"linear(5s)"`, `"fixed(10s)"`; see [`Backoff`] | 3 s, doubled, at most 1 h |
/// | `keep = "failed"` | which ended jobs stay in history: `"all"`, `"failed"`, `"none"`; see [`Keep`] | `"all"` |
/// | `validate = "warn"` | what publishing does with arguments that do not fit: `"off"`, `"warn"`, `"strict"`; see [`Validation`] | `"strict"` |
/// | `log = "info"` | from which level on what its runs log is kept with the job: `"off"` to `"trace"`; see `pgjobs::logs` | as [`Worker::log`] says: `"off"` |
/// | `cron = "0 3 * * mon-fri"`, `every = "30s"` | publishes a job by itself at these times; see [`schedule`] | none |
/// | `zone`, `gap`, `fold`, `jitter`, `catch_up`, `catch_up_limit`, `overlap` | more of that schedule, see [`TaskSchedule`](define::TaskSchedule) | UTC, the last of late ticks |
/// | `schedule(name = "nightly", cron = "0 3 * * *")` | one of several schedules, with the same options | none |
/// | `unique(key = (customer, day))` | of all jobs with the same values of these arguments, one is there at a time. Also `until = "started"`, `"ended"` or a time, `on_conflict = "keep"`, `"replace"`, `"postpone"` (with `wait`, `max_wait`) or `"refuse"`, `name` to share keys between tasks; see [`Unique`] | not unique |
/// | `batch = 100` | the most jobs of one call, 1 to 1000: the function is a batch handler, takes its arguments as `#[each] x: Vec<T>`, and returns what [`IntoOutcomes`](define::IntoOutcomes) lists | one job a call |
/// | `linger = "50ms"` | how long the first job of a call waits for others, up to `1m` | 10 ms |
/// | `call = Welcome` | the name of the struct, when the function's name is taken | the function's name |
/// | `crate = path` | the path of pgjobs, when it was renamed | `::pgjobs` |
///
/// # Result
/// Nothing, or `Result<T, E>`: `T` is stored as the job's result, and `E` is any error, a string, or a
/// [`TaskError`] that determines what happens next. A panic counts as an error. A run that exceeds its
/// timeout is dropped at its next `.await`; wrap blocking work in `spawn_blocking`. (Blocking code occupies
/// one thread of your runtime; the worker itself has its own thread and goes on. When blocking code occupies
/// all threads of your runtime, the worker releases jobs that have not started, and claims no more until the
/// threads are free again.)
///
/// When its job is cancelled, a run is told ([`Job::cancelled`]) and has a grace; then it is dropped as well.
///
/// Some work continues after a timeout, while the next run starts: a closure in `spawn_blocking`, and a
/// statement that the database is executing, with its connection of the pool and its locks. Make both end
/// before the task's timeout: check a flag in the closure (a [`CancelToken`] is one for cancels), set
/// `statement_timeout` for the pool. After `Worker::run` shut the runtime down with `shutdown_timeout`, or
/// the process waits for such closures; `pgjobs::cli::main` does this.
///
/// # Your own types
/// An argument or result type derives `JsonSchema`; if `schemars` is not among your dependencies, give the
/// derive its path:
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
/// An argument is `Serialize`, `Deserialize` and `JsonSchema`; a result is `Serialize` and `JsonSchema`.
///
/// | type | |
/// |---|---|
/// | numbers, `bool`, `char`, `String`, `Option`, tuples, arrays, `Vec`, sets, maps, `Box`, `Arc`, `std::time::Duration`, `SystemTime`, `PathBuf`, `IpAddr`, `SocketAddr`, `serde_json::Value` | yes |
/// | your own | derive the three traits, see above |
/// | `chrono`: `DateTime`, `NaiveDate`, `NaiveTime`, `NaiveDateTime`, `TimeDelta`, `Weekday` | yes |
/// | `uuid::Uuid` | yes |
/// | `rust_decimal::Decimal`, `bigdecimal::BigDecimal` | feature `rust_decimal`, `bigdecimal` |
/// | `url::Url`, `bytes::Bytes` | feature `url`, `bytes` |
/// | `jiff`, `indexmap`, `semver` | feature of that name |
/// | a time zone | feature `chrono-tz`: `pgjobs::TimeZone`, which holds a `chrono_tz::Tz` |
/// | of another crate that `schemars` knows: `arrayvec`, `either`, `smallvec`, `smol_str` | turn on its feature in `schemars` 1, and that crate's own `serde` |
/// | any other that is `serde::Serialize` and `Deserialize` | `#[schemars(with = "String")]` before the argument, or before the field of your type, with a type that has the same JSON |
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
/// # Compiler errors
/// | message | reason |
/// |---|---|
/// | `no method named … found for fn item`, `for opaque type impl Future` | `welcome` and `welcome(7)` are your function and its future, which runs in this process. To publish a job, write `welcome::publish(&pool, 7)` |
/// | `this function takes 2 arguments but 3 were supplied` | arguments that may be absent have setters: `welcome::new(7).locale("pt").publish(&pool)` |
/// | `no method named publish found for struct`, `use associated function syntax` | write `use pgjobs::Task` outside of the task's own module |
/// | `the name … is defined multiple times`, in the type namespace | a module or type has the function's name: `#[task(call = Welcome)]` gives the struct another name |
/// | `expected …, found …` in `publish_all` | all its calls must be of one task; begin a [`Tx`], which sends everything published to it together |
/// | `jobs cannot be published to …`, for a pool | the pool is from another version of sqlx than `pgjobs::sqlx` |
///
/// You can also write by hand what the macro generates: see [`define`].
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
