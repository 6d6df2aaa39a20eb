//! Code of your own around every run of a worker, and before every publish of the process.
//!
//! - A [`Layer`], added with [`Worker::layer`](crate::Worker::layer), runs around each run: timing, an audit,
//!   an error that means "later" everywhere.
//! - A publish layer, added with [`on_publish`](crate::on_publish), sees each [`JobRequest`] before it is
//!   sent, and may change its options, note something on it, or refuse it.
//!
//! ```
//! use pgjobs::Job;
//! use pgjobs::layers::{Layer, Next, RunResult};
//!
//! /// Says on which host a job was published, as the layer below notes it.
//! struct Origin;
//!
//! impl Layer for Origin {
//!     async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
//!         println!("{} of {:?}", job.task(), job.meta("host"));
//!         next.run().await
//!     }
//! }
//!
//! pgjobs::on_publish(|job| {
//!     job.set_meta("host", "web-1");
//!     Ok(())
//! });
//! ```

pub use crate::task::layer::{Layer, Next};
pub use crate::types::job_request::JobRequest;
pub use crate::types::task_error::RunResult;
