//! Publishing: from a typed call to a row in the caller's transaction.
//!
//! A call becomes a [`JobRequest`](crate::types::job_request::JobRequest) (name, body, options); a [`Publisher`] says where it goes; awaiting
//! the builder sends it. Whatever the place, one job is one statement, and many jobs are one
//! statement for every thousand of them or eight megabytes, all or nothing.

mod handle;
mod new_job;
mod publish_all;
mod publish_one;
mod publisher;
mod result_listener;
mod result_query;
mod setters;
mod tx;
mod waiting;
mod watcher;

pub use handle::JobHandle;
pub use new_job::NewJob;
pub use publish_all::{PublishAll, publish_all};
pub use publish_one::Publish;
pub use publisher::Publisher;
pub use tx::{Tx, TxConnection};
