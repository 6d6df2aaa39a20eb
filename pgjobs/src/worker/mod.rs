//! The worker: claims jobs of its tasks, runs them and settles them.
//!
//! For each of its servers (see [`team`], and [`start`] for how they begin) five loops run concurrently and
//! share only [`shared`]:
//!
//! ```text
//!                claims                     runs                       settles
//! database ──▶ claim_loop ──▶ queue ──▶ dispatch_loop ──▶ run × slots ──▶ settle_loop ──▶ database
//!                  ▲                                                           │
//!    listen_loop ──┘ wakes       heartbeat_loop: heartbeat, sweep              └─ room for more
//! ```
//!
//! - `claim_loop` claims as many jobs as there are free slots, and only a few more: the next job should be
//!   here when a slot becomes free, but no other worker can run a job that waits here.
//! - `dispatch_loop` starts the queued jobs, one for each free slot; `run` takes one job from its start to
//!   its outcome. Jobs of a batch handler are held in `gathering` until their joint run begins.
//! - `settle_loop` sends outcomes in batches: while one batch is being sent, the next one gathers.
//! - `heartbeat_loop` keeps the worker alive in the database, and checks whether the user's runtime runs
//!   anything.
//! - `outage` logs that the database is away: once for all loops.
//!
//! [`policy`] decides what the loops do next. It uses no clock and no database, so it is tested by itself.
//!
//! The loops that call the database run on separate threads ([`thread`]), so that a handler that blocks the
//! threads of the user's runtime delays no other job and cannot make the worker seem dead.
//!
//! Every claimed job is in [`in_flight`] until exactly one party takes it out: the run when it has an outcome, the
//! shutdown when it releases jobs, or the loss of the worker's lease. The party that takes a job out decides
//! about its outcome, so nothing is settled twice and nothing is forgotten.

mod announce_loop;
mod announcing;
mod builder;
mod cancelling;
mod carry_out;
mod check;
mod claim;
mod claim_loop;
mod commands;
mod counts;
mod dispatch_loop;
mod gathering;
mod handle;
mod health;
mod heartbeat_loop;
mod hooks;
mod in_flight;
mod last_words;
mod leavers;
mod listen_loop;
mod logs;
mod members;
mod meters;
mod open;
mod options;
mod outage;
mod outcome;
#[cfg(feature = "cli")]
mod plan;
mod policy;
mod progress;
mod register;
mod rest;
mod room;
mod run;
mod seat;
mod servers;
mod settings;
mod settle_loop;
mod shared;
mod shutdown;
mod signals;
mod slots;
mod start;
mod starts;
mod supervisor;
mod team;
mod thread;
mod turns;

pub use builder::Worker;
pub use counts::{End, WorkerReport};
pub use handle::WorkerHandle;
pub use health::WorkerHealth;
