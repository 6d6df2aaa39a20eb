//! The worker: claims jobs of the tasks it has, runs them, settles them.
//!
//! Five parts run side by side and meet only in [`shared`]:
//!
//! ```text
//!             claims                    runs                       settles
//! database ──▶ fetch ──▶ (line) ──▶ dispatch ──▶ run × slots ──▶ settle ──▶ database
//!                ▲                                                   │
//!     listen ────┘ wakes            lease: heartbeat, sweep          └─ room for more
//! ```
//!
//! - `fetch` claims as many jobs as there are free slots, and a little more: the next job
//!   should lie ready when a slot falls free, but a job that lies here can run nowhere else.
//! - `dispatch` starts the jobs in line, one for each free slot; `run` takes one job from its start
//!   to its outcome.
//! - `settle` sends outcomes in batches: while one batch is on its way the next gathers.
//! - `lease` keeps the worker alive in the database, and watches whether the user's runtime runs anything.
//! - `outage` is what the log says when the database is away: once for all of them.
//!
//! What they do next is decided in [`decide`], which knows no clock and no database, and is tested by itself.
//!
//! Those that talk to the database have threads of their own ([`thread`]), so that a handler that blocks
//! the threads of the user's runtime holds up no other job and cannot make the worker look dead.
//!
//! Every claimed job is in [`held`] until exactly one party takes it out: the run when it has a
//! outcome, the shutdown when it hands jobs back, or the loss of the worker's lease. Who takes it
//! out settles it; so nothing is settled twice and nothing is forgotten.

mod builder;
mod check;
mod claim;
mod claim_loop;
mod counts;
mod dispatch_loop;
mod handle;
mod heartbeat_loop;
mod hooks;
mod in_flight;
mod listen_loop;
mod open;
mod outage;
mod outcome;
mod policy;
mod register;
mod run;
mod settle_loop;
mod shared;
mod shutdown;
mod starts;
mod supervisor;
mod thread;

pub use builder::Worker;
pub use counts::{End, WorkerReport};
pub use handle::WorkerHandle;
