//! The tasks of these tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use pgjobs::{Job, TaskError, task};
use tokio::sync::{Semaphore, mpsc};

/// What the runs of a test tell it, and what they wait for.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) begun: Arc<AtomicUsize>,
    /// When each run heard that it is in vain.
    pub(crate) heard: mpsc::UnboundedSender<Instant>,
    pub(crate) exit: Arc<Semaphore>,
}

impl Stage {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Instant>) {
        let (heard, hears) = mpsc::unbounded_channel();
        (Stage { begun: Arc::default(), heard, exit: Arc::new(Semaphore::new(0)) }, hears)
    }

    pub(crate) async fn begun(&self, runs: usize) {
        pgjobs_tests::until("they have begun", async || self.begun.load(SeqCst) >= runs).await;
    }

    fn begin(&self) {
        self.begun.fetch_add(1, SeqCst);
    }

    fn hear(&self) {
        let _ = self.heard.send(Instant::now());
    }
}

/// Stops when it is told to.
#[task(name = "control.polite", timeout = "10m")]
pub(crate) async fn polite(#[inject] stage: &Stage, #[inject] job: &Job) {
    stage.begin();
    job.cancelled().await;
    stage.hear();
}

/// Ignores what it is told, until the test lets it go.
#[task(name = "control.deaf", timeout = "10m")]
pub(crate) async fn deaf(#[inject] stage: &Stage) {
    stage.begin();
    stage.exit.acquire().await.expect("never closed").forget();
}

/// Blocks a thread of the runtime until it is told to stop, and a while longer.
#[task(name = "control.blocking", timeout = "10m")]
pub(crate) async fn blocking(#[inject] stage: &Stage, #[inject] job: &Job, millis: u64) {
    stage.begin();
    let token = job.cancel_token();
    while !token.is_cancelled() {
        std::thread::sleep(Duration::from_millis(5));
    }
    stage.hear();
    std::thread::sleep(Duration::from_millis(millis));
}

/// Waits on a thread of its own, which goes on when the run is dropped.
#[task(name = "control.thread", timeout = "10m")]
pub(crate) async fn thread(#[inject] stage: &Stage, #[inject] job: &Job) {
    let (token, stage) = (job.cancel_token(), stage.clone());
    stage.begin();
    let _ = tokio::task::spawn_blocking(move || {
        while !token.is_cancelled() {
            std::thread::sleep(Duration::from_millis(5));
        }
        stage.hear();
    })
    .await;
}

/// Is there, and gone.
#[task(name = "control.short")]
pub(crate) async fn short(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}
