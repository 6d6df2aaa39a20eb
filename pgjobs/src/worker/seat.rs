//! The place of one server among those of a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

use tokio::sync::Notify;

use super::counts::Counts;

/// What others may know of a server.
pub(super) struct Seat {
    pub(super) name: String,
    pub(super) counts: Arc<Counts>,
    /// Wakes its claim loop: there may be room for more.
    pub(super) room: Arc<Notify>,
    /// Its claim loop waits for room.
    pub(super) waits: AtomicBool,
    /// Wakes its dispatch loop, which leaves the next slots to others: see [`turn`](super::team::Team::turn).
    pub(super) turn: Notify,
    pub(super) holds: AtomicBool,
    /// A burst does not wait for it: see [`found_nothing`](super::team::Team::found_nothing).
    pub(super) given_up: AtomicBool,
    /// The number of its last start, of all starts of the worker.
    pub(super) last: AtomicU64,
    /// How many slots its gathered jobs hold, and that those of all servers hold every slot.
    pub(super) gathered: AtomicUsize,
    pub(super) full: Notify,
}

impl Seat {
    pub(super) fn new(name: String) -> Self {
        Seat {
            name,
            counts: Arc::default(),
            room: Arc::default(),
            waits: AtomicBool::new(false),
            turn: Notify::new(),
            holds: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            last: AtomicU64::new(0),
            gathered: AtomicUsize::new(0),
            full: Notify::new(),
        }
    }
}
