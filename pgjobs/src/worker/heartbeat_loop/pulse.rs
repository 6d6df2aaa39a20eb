//! Whether the runtime of the user runs anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::worker::outage::in_seconds;
use crate::worker::policy::runtime_pulse::{Pulse, Watch};
use crate::worker::shared::Shared;

/// Spawns one empty task after another on the user's runtime.
pub(super) struct RuntimePulse {
    runtime: Handle,
    watch: Watch,
    /// Whether the last one has run.
    has_run: Arc<AtomicBool>,
    is_stuck: bool,
}

impl RuntimePulse {
    pub(super) fn new(runtime: Handle, lease: Duration) -> Self {
        let watch = Watch::new(lease, Instant::now());
        RuntimePulse { runtime, watch, has_run: Arc::new(AtomicBool::new(true)), is_stuck: false }
    }

    pub(super) fn feel(&mut self, shared: &Shared) {
        let has_run = self.has_run.swap(false, SeqCst);
        if has_run {
            let stamp = self.has_run.clone();
            self.runtime.spawn(async move { stamp.store(true, SeqCst) });
        }
        match self.watch.round(has_run, Instant::now()) {
            Pulse::Stopped if !shared.stop.is_draining() => self.stop(shared),
            Pulse::Resumed(after) => {
                self.is_stuck = false;
                shared.set_stuck(false);
                tracing::info!("the runtime of the tasks runs again after {}", in_seconds(after));
            }
            Pulse::Stopped | Pulse::Beats => {}
        }
    }

    fn stop(&mut self, shared: &Shared) {
        let jobs = shared.set_stuck(true);
        if !std::mem::replace(&mut self.is_stuck, true) {
            tracing::warn!(
                released = jobs,
                running = shared.counts.load().running,
                "the runtime of the tasks has run nothing for {}: a task blocks its threads, or nothing drives it \
                 (put blocking work into spawn_blocking); no more jobs are claimed until it runs",
                in_seconds(shared.settings.lease)
            );
        }
    }
}
