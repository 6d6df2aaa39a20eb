//! pgjobs
pub mod admin;
pub mod inspect;
pub mod testing;
mod options;
mod args;
mod backoff;
mod context;
mod error;
mod job;
mod outcome;
mod registry;
mod publish;
mod sql;
mod task;
mod topic;
mod worker;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "local-postgres")]
pub mod local_postgres;

pub use args::{BodyError, Param};
pub use backoff::Backoff;
pub use context::Context;
pub use error::Error;
pub use job::{Job, JobId, JobState};
pub use options::TaskOptions;
pub use outcome::{IntoOutcome, TaskError};
pub use pgjobs_macros::task;
pub use publish::{JobHandle, NewJob, Publish, PublishAll, Publisher, Tx, publish_all};
pub use pgjobs_migrations::Step;
pub use sql::migrate::{migrate, migration_script, pending_migrations};
pub use registry::linked_tasks;
pub use task::{BoxFuture, Need, Task, TaskDef};
pub use topic::Topic;
pub use worker::{Report, Worker, WorkerHandle};
pub use {chrono, schemars, serde, serde_json, sqlx};
