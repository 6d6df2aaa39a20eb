//! What a task is made of, to write one by hand or to look at those of this program.
//!
//! `#[task]` writes all of this, so most programs never import it. A program needs it for tasks that are not
//! functions of their own: one for each entry of a list, a generic one for several types, or the output of
//! its own macro; and to read the tasks that it has, with [`linked_tasks`].
//!
//! A task is a [`TaskDef`]. It can be published by its name ([`NewJob`](crate::NewJob)), and as a typed call
//! by a type that implements [`Task`](crate::Task). The linker does not collect it: pass it to the worker.
//!
//! ```no_run
//! use pgjobs::define::{Context, Param, RunFuture, StateType, TaskDef, TaskOptions};
//! use pgjobs::{Task, TaskError, Worker, schemars::JsonSchema, serde::{Deserialize, Serialize}};
//!
//! struct Store;
//! # impl Store { async fn put(&self, _: &str) -> Result<u64, TaskError> { Ok(0) } }
//!
//! /// The call: its fields are the arguments.
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! # #[serde(crate = "pgjobs::serde")]
//! # #[schemars(crate = "pgjobs::schemars")]
//! struct Archive {
//!     path: String,
//! }
//!
//! impl Task for Archive {
//!     type Output = u64;
//!     const DEF: &'static TaskDef = &TaskDef::new("files.archive", archive)
//!         .params(&[Param { name: "path", ty: "String", required: true }])
//!         .needs(&[StateType::of::<Store>()])
//!         .options(TaskOptions::new().retries(5))
//!         .call::<Self>()
//!         .result::<u64>();
//! }
//!
//! fn archive(context: Context) -> RunFuture {
//!     Box::pin(async move {
//!         let arguments: Archive = context.arguments()?;
//!         let store = context.state::<Store>()?;
//!         let bytes = store.put(&arguments.path).await;
//!         context.finish(bytes)
//!     })
//! }
//!
//! # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! Archive { path: "2024.pdf".to_owned() }.publish(&pool).await?;
//! Worker::new(pool).task(Archive::DEF).state(Store).run().await?;
//! # Ok(()) }
//! ```

pub use crate::task::context::Context;
pub use crate::task::definition::TaskDef;
pub use crate::task::handler::{Handler, JointFunction, JointFuture, Many, RunFunction, RunFuture};
pub use crate::task::joint::context::JointContext;
pub use crate::task::registry::linked_tasks;
pub use crate::task::state::StateType;
pub use crate::types::body::{BodyError, Param};
pub use crate::types::options::TaskOptions;
pub use crate::types::outcomes::{ForJobs, IntoOutcomes, Outcomes};
pub use crate::types::progress::{Amount, Total};
pub use crate::types::task_error::IntoOutcome;
pub use crate::types::task_limit::TaskLimit;
pub use crate::types::task_schedule::TaskSchedule;
pub use crate::types::task_unique::{DefaultValue, TaskUnique};
