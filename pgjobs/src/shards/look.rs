//! Asking the servers whether they are draining, and when that was done last.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::Shards;
use crate::types::error::Error;

/// How long the answers are good for.
const FRESH: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Look(Mutex<Option<Instant>>);

impl Look {
    /// Whether it is time to ask again, which then is this caller's to do.
    pub(super) fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= FRESH);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }

    pub(super) fn begins(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl Shards {
    /// Asks all servers; returns those that could not be asked.
    pub(super) async fn ask_all(&self) -> Vec<(String, Error)> {
        let mut answers: FuturesUnordered<_> =
            self.servers.iter().map(|one| async move { (one, one.ask().await) }).collect();
        let mut troubles = Vec::new();
        while let Some((one, answer)) = answers.next().await {
            match answer {
                Ok(draining) => one.draining.store(draining, Relaxed),
                Err(error) => troubles.push((one.name.clone(), error)),
            }
        }
        troubles
    }

    /// Asks all servers if it is time to; where there is no runtime, only `refresh` does.
    pub(super) fn look_in_background(&self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !self.look.is_due() {
            return;
        }
        let shards = self.clone();
        runtime.spawn(async move {
            for (server, error) in shards.ask_all().await {
                tracing::debug!(server, %error, "it is unknown whether this server is draining");
            }
        });
    }
}
