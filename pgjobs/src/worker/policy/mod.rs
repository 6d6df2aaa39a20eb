//! The decisions of a worker, separate from their execution.
//!
//! The loops of a worker wait for a database, for handlers and for clocks, and they go wrong between two
//! waits. So each loop asks here what to do next, does it, and reports the result:
//!
//! - [`claiming`]: how many jobs to claim, how long to rest, or what to repair first after an error;
//! - [`stalled_prefetch`]: whether to release prefetched jobs;
//! - [`settle_batching`]: send outcomes now, or gather more;
//! - [`peers`]: what to leave to other workers;
//! - [`room`]: what to leave to the other servers of this worker;
//! - [`runtime_pulse`]: whether the user's runtime still runs what it is given;
//! - [`heartbeats`]: when a heartbeat, a sweep and a check of the partitions of the history are due.
//!
//! Nothing here waits, reads a clock or does I/O, so `simulation` can drive all of it through thousands of
//! schedules of time and faults, each made from a seed that repeats it.

pub(crate) mod claiming;
pub(crate) mod gather;
pub(crate) mod heartbeats;
pub(crate) mod peers;
pub(crate) mod prefetch;
pub(crate) mod room;
pub(crate) mod runtime_pulse;
pub(crate) mod settle_batching;
#[cfg(test)]
mod simulation;
pub(crate) mod stalled_prefetch;
pub(crate) mod watermarks;
