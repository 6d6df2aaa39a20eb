#![doc = include_str!("tour.md")]
// On docs.rs each item says which feature it needs.
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub mod shards;
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
    FollowPrimary, JobHandle, NewJob, Publish, PublishAll, Publisher, Tx, TxConnection, follow_primary,
    on_publish, publish_all, results, wait_all,
};
pub use shards::Shards;
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
