//! Publishes jobs: from a typed call to a row in the caller's transaction.
//!
//! A call becomes a [`JobRequest`](crate::types::job_request::JobRequest) (name, body, options); a
//! [`Publisher`] is where it is published; awaiting the builder sends it. For every publisher, one job is one
//! statement, and many jobs are one statement for every thousand jobs or eight megabytes, all or nothing.

mod counting;
mod follow;
mod handle;
mod many;
mod new_job;
mod on_publish;
mod on_success;
mod publish_all;
mod publish_one;
mod publisher;
mod result_listener;
mod result_query;
mod setters;
mod subject;
mod tx;
mod waiting;
mod watcher;

pub use follow::{FollowPrimary, follow_primary};
pub use handle::JobHandle;
pub use many::{results, wait_all};
pub use new_job::NewJob;
pub use on_publish::on_publish;
pub(crate) use on_success::finish_with_jobs;
pub use publish_all::{PublishAll, publish_all};
pub use publish_one::Publish;
pub(crate) use publish_one::{draft_of, options_of};
pub use publisher::Publisher;
pub(crate) use publisher::{on_target, prepare, target};
pub(crate) use result_listener::until_ended;
pub(crate) use subject::{Stand, Subject};
pub use tx::{Tx, TxConnection};
