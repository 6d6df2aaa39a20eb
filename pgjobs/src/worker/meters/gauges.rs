//! How many slots a worker has, and how many jobs each of its servers.

use std::sync::{Mutex, PoisonError};

use crate::metrics::{Gauge, Label, names};
use crate::worker::policy::prefetch::Load;

/// What a worker has added to gauges, which are sums over all workers of the process.
struct Share<const N: usize> {
    gauges: [Gauge; N],
    shown: Mutex<[usize; N]>,
}

impl<const N: usize> Share<N> {
    fn new(gauges: [Gauge; N]) -> Self {
        Share { gauges, shown: Mutex::new([0; N]) }
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers of jobs of one worker")]
    fn change(&self, to: [usize; N]) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for ((gauge, before), now) in self.gauges.iter().zip(*shown).zip(to) {
            if before != now {
                gauge.add(now as f64 - before as f64);
            }
        }
        *shown = to;
    }
}

impl<const N: usize> Drop for Share<N> {
    fn drop(&mut self) {
        self.change([0; N]);
    }
}

/// The slots of a worker, which all its servers share.
pub(in crate::worker) struct SlotsMeter(Share<1>);

impl SlotsMeter {
    pub(in crate::worker) fn new() -> Self {
        SlotsMeter(Share::new([Gauge::new(names::SLOTS, &[])]))
    }

    pub(in crate::worker) fn show(&self, slots: usize) {
        self.0.change([slots]);
    }
}

/// Used slots, prefetched jobs and unsettled jobs of one server.
pub(super) struct LoadMeter(Share<3>);

impl LoadMeter {
    pub(super) fn new(server: &[Label]) -> Self {
        let gauges = [names::SLOTS_USED, names::PREFETCHED, names::UNSETTLED];
        LoadMeter(Share::new(gauges.map(|name| Gauge::new(name, server))))
    }

    pub(super) fn show(&self, load: Load) {
        let ended = load.open.saturating_sub(load.waiting + load.running);
        self.0.change([load.running, load.waiting, ended]);
    }
}
