//! Publishing: from a typed call to a row in the caller's transaction.
//!
//! A call becomes a [`JobRequest`](crate::request::JobRequest) (name, body, options); a [`Publisher`] says where it goes; awaiting
//! the builder sends it. Whatever the place, one job is one statement, and many jobs are one
//! statement for every thousand of them or eight megabytes, all or nothing.

mod bulk;
mod handle;
mod look;
mod named;
mod one;
mod publisher;
mod results;
mod setters;
mod tx;
mod waiting;
mod watcher;

pub use bulk::{PublishAll, publish_all};
pub use handle::JobHandle;
pub use named::NewJob;
pub use one::Publish;
pub use publisher::Publisher;
pub use tx::{Tx, TxConnection};
