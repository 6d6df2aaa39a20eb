//! Workflows: jobs that wait for the ends of others and take their results as arguments.
//!
//! A [`Flow`] is a set of nodes. A node is one job, or a [`Group`] of jobs of one task. An edge says that a
//! node waits for another one, and usually that it takes that one's result: `#[task]` writes for each task a
//! function
//! `after`, which makes a call without the argument that the edge fills in. With a result of another type
//! the program does not compile.
//!
//! ```no_run
//! use std::time::Duration;
//! use pgjobs::{TaskError, sqlx::PgPool, task, workflow::{Flow, OnFailure}};
//!
//! #[task] async fn render(page: u32) -> Result<String, TaskError> { Ok(format!("page {page}")) }
//! #[task] async fn bind(pages: Vec<String>) -> Result<String, TaskError> { Ok(pages.join("\n")) }
//! #[task] async fn mail(pdf: String, user: i64) {}
//! #[task] async fn apologise(user: i64) {}
//!
//! # async fn f(pool: PgPool) -> Result<(), pgjobs::Error> {
//! let mut flow = Flow::new("report");
//! let pages = flow.group("page", (1..=100).map(render::new));   // Group<String>
//! let pdf = flow.then("bind", pages, bind::after());            // its argument is a Vec<String>
//! flow.then("mail", &pdf, mail::after(7)).priority(5);
//! flow.node("apologise", apologise::new(7)).after(&pdf).when_failed();
//!
//! let mut tx = pool.begin().await?; // … your own writes …
//! let run = flow.on_failure(OnFailure::Hold).timeout(Duration::from_secs(3600)).publish(&mut *tx).await?;
//! tx.commit().await?;
//!
//! let pdf: String = run.result(&pdf).wait(&pool).await?;
//! # Ok(()) }
//! ```
//!
//! | Celery | here |
//! |---|---|
//! | `chain(a, b)` | [`chain`]`(a::new(…)).then(b::after())` |
//! | `group(…)` | [`group`]`(calls)`, [`Flow::group`] |
//! | `chord(group, body)` | [`chord`]`(calls, body::after())`, or `flow.then("body", group, body::after())` |
//! | `task.map(list)` | [`Flow::map`]: also over a list that another node returns |
//! | `task.chunks(list, n)` | [`Flow::chunks`] |
//! | `link_error` | [`Node::when_failed`] |
//! | `task.replace(…)`, `add_to_chord` | [`Job::workflow`](crate::Job::workflow) |
//! | `AsyncResult.get()` | [`WorkflowHandle::wait`], [`NodeHandle::wait`] |
//!
//! A node that waits is no job: it is a row that no worker looks at, and it becomes a job, whose id is known
//! from then on, in the transaction that ends the last of its parents. So a workflow of 10,000 jobs costs
//! claims nothing until they are ready. What is decided when, and what is promised, is in the book,
//! `workflows.md`.
//!
//! What tests can do: [`testing::Database::drain`](crate::testing) runs a workflow to its end.

mod after;
mod call;
mod chain;
mod draft;
mod encode;
mod flow;
mod gives;
mod graft;
mod handle;
mod include;
mod node;
mod options;
mod publish;
mod results;
#[cfg(all(test, not(feature = "linkme")))] // whose statics a crate that forbids unsafe code cannot have
mod tests;

pub use crate::db::workflow_read::{NodeEdge, NodeRow, WorkflowRow};
pub use crate::types::workflow::{NodeFailure, NodeState, OnFailure, WorkflowState};
pub use crate::types::workflow_error::WorkflowError;
pub use after::{After, Args, Open};
pub use call::Call;
pub use chain::{Chain, chain, chord, group};
pub use flow::Flow;
pub use gives::{Gives, GivesChunks, GivesEach};
pub use graft::RunningWorkflow;
pub use handle::{NodeHandle, WorkflowHandle};
pub use include::Included;
pub use node::{Group, Node, Parent, Returns};
pub use results::{JobResult, Results};
