//! The sleep of an idle claim loop.

use std::time::{Duration, Instant};

use super::shared::Shared;

/// Sleeps until it is time to claim. A notification reaches every worker, but only a few of many claim for
/// it.
pub(super) async fn rest(shared: &Shared, pause: Duration, notified: &mut Option<Instant>) {
    let pause = tokio::time::sleep(pause);
    let mut pause = std::pin::pin!(pause);
    loop {
        tokio::select! {
            () = shared.work.notified() => return,
            () = &mut pause => return,
            () = shared.heard.notified() => {
                if shared.counts.open() > 0 || shared.peers.looks(fastrand::f64()) {
                    *notified = Some(Instant::now());
                    return;
                }
                let later = tokio::time::Instant::now() + shared.peers.later(fastrand::f64());
                let sooner = pause.deadline().min(later);
                pause.as_mut().reset(sooner);
            }
        }
    }
}
