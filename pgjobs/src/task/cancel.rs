//! How a run hears that it is in vain: its job was cancelled, the run is not the worker's any more, or its time
//! is over.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::task::Context;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Says that a run is in vain, to code that does not have its [`Job`](crate::Job): a thread of
/// `spawn_blocking`, a task of its own. It was cancelled, is not the worker's any more, or its time is over. Made by [`Job::cancel_token`](crate::Job::cancel_token); clones are
/// one token.
///
/// ```no_run
/// use pgjobs::{Job, TaskError, task};
///
/// #[task(timeout = "1h")]
/// async fn index(#[inject] job: &Job, pages: u32) -> Result<u32, TaskError> {
///     let token = job.cancel_token();
///     let done = tokio::task::spawn_blocking(move || (0..pages).take_while(|_| !token.is_cancelled()).count());
///     Ok(done.await? as u32)
/// }
/// ```
#[derive(Clone)]
pub struct CancelToken(Arc<Signal>);

#[derive(Default)]
struct Signal {
    fired: AtomicBool,
    waiting: Notify,
}

impl CancelToken {
    /// Whether the run is in vain.
    pub fn is_cancelled(&self) -> bool {
        self.0.fired.load(SeqCst)
    }

    /// Returns once the run is in vain; never, if it ends otherwise.
    pub async fn cancelled(&self) {
        let mut waiting = std::pin::pin!(self.0.waiting.notified());
        waiting.as_mut().enable(); // before the look, so that no firing is missed
        if !self.is_cancelled() {
            waiting.await;
        }
    }

    fn fire(&self) {
        self.0.fired.store(true, SeqCst);
        self.0.waiting.notify_waiters();
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}

const CANCELLED: u8 = 1;
const CUT: u8 = 2;
const LATE: u8 = 4;
const OVER: u8 = 8;

/// What a job knows of the end of its run. A run of which nobody asks anything pays for a byte: the token is
/// made when it is first asked for.
#[derive(Default)]
pub(crate) struct Ending {
    state: AtomicU8,
    token: OnceLock<CancelToken>,
    /// The run, which is to be cut off, or goes on so much later.
    run: AtomicWaker,
    suspended: OnceLock<Duration>,
}

impl Ending {
    fn is(&self, state: u8) -> bool {
        self.state.load(SeqCst) & state != 0
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.is(CANCELLED)
    }

    /// Either the token sees the state here, or `cancel` sees the token.
    pub(crate) fn token(&self) -> CancelToken {
        let token = self.token.get_or_init(|| CancelToken(Arc::default())).clone();
        if self.is_cancelled() {
            token.fire();
        }
        token
    }

    /// Says that the run is in vain; returns whether it has ended before.
    pub(crate) fn cancel(&self) -> bool {
        let before = self.state.fetch_or(CANCELLED, SeqCst);
        self.fire();
        before & OVER != 0
    }

    /// Tells the code that has the token. By itself for a run whose time is over: it is dropped, and what it began on
    /// other threads is in vain.
    pub(crate) fn fire(&self) {
        if let Some(token) = self.token.get() {
            token.fire();
        }
    }

    /// The run has ended; returns whether it was cancelled before.
    pub(crate) fn end(&self) -> bool {
        self.state.fetch_or(OVER, SeqCst) & CANCELLED != 0
    }

    /// Has the task cut off where it waits, if it waits.
    pub(crate) fn cut(&self) {
        self.state.fetch_or(CANCELLED | CUT, SeqCst);
        self.run.wake();
    }

    /// Whether the task is to be cut off; else it is woken up when it is.
    pub(crate) fn is_cut(&self, cx: &Context<'_>) -> bool {
        self.run.register(cx.waker());
        self.is(CUT)
    }

    /// Has the run end where it waits, so that another one goes on so much later.
    pub(crate) fn suspend(&self, time: Duration) {
        if self.suspended.set(time).is_ok() {
            self.run.wake(); // it may wait elsewhere than where this is called
        }
    }

    pub(crate) fn suspended(&self) -> Option<Duration> {
        self.suspended.get().copied()
    }

    pub(crate) fn is_late(&self) -> bool {
        self.is(LATE)
    }

    pub(crate) fn note_late(&self) {
        self.state.fetch_or(LATE, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_fires_whenever_it_was_made() {
        let ending = Ending::default();
        let before = ending.token();
        let waits = tokio::spawn({
            let token = before.clone();
            async move { token.cancelled().await }
        });
        assert!(!before.is_cancelled());
        ending.cancel();
        waits.await.unwrap();
        assert!(before.is_cancelled() && ending.token().is_cancelled());
        ending.token().cancelled().await;
        let late = Ending::default();
        late.cancel();
        late.token().cancelled().await;
    }

    #[test]
    fn no_firing_is_missed_by_a_token_that_is_made_meanwhile() {
        for _ in 0..2000 {
            let ending = Ending::default();
            let token = std::thread::scope(|scope| {
                let made = scope.spawn(|| ending.token());
                ending.cancel();
                made.join().unwrap()
            });
            assert!(token.is_cancelled());
        }
    }
}
