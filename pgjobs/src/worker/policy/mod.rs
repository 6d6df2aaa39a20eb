//! What a worker decides, apart from what it does.
//!
//! The loops of a worker wait for a database, for handlers and for clocks, and what goes wrong in them goes
//! wrong between two waits. So each loop asks here what to do next, does it, and tells how it went:
//!
//! - [`claims`]: claim how many, rest how long, or first set right what an error left behind;
//! - [`ahead`]: whether what was claimed ahead is handed back;
//! - [`flush`]: send outcomes now, or gather more;
//! - [`peers`]: what it leaves to other workers;
//! - [`pulse`]: whether the user's runtime still runs what it is given;
//! - [`beats`]: when a heartbeat, a sweep and a look at the history's partitions are due.
//!
//! Nothing here waits, reads a clock or talks to anybody, so `schedules` can drive all of it through
//! thousands of schedules of time and faults, each made from a seed that repeats it.

pub(crate) mod claiming;
pub(crate) mod heartbeats;
pub(crate) mod peers;
pub(crate) mod prefetch;
pub(crate) mod runtime_pulse;
pub(crate) mod settle_batching;
#[cfg(test)]
mod simulation;
pub(crate) mod stalled_prefetch;
pub(crate) mod watermarks;
