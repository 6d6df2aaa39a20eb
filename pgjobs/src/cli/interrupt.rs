//! The signals that ask the process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches signals from its creation on, so create it before the output reports that something runs.
pub(crate) struct Interrupt(Option<(Signal, Signal)>);

impl Interrupt {
    pub(crate) fn listen() -> Self {
        let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        Interrupt(interrupt.ok().zip(terminate.ok()))
    }

    /// Returns at the first SIGINT or SIGTERM; the second ends the process.
    pub(crate) async fn first(self) {
        let Some((mut interrupt, mut terminate)) = self.0 else { return std::future::pending().await };
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        tokio::spawn(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            std::process::exit(130);
        });
    }
}
