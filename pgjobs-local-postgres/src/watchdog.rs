use std::{
    path::PathBuf,
    process::{Child, ChildStdin},
};

use super::error::{LocalPostgresError, Result};

/// The shell that runs the server and stops it when this process ends.
///
/// It waits for the end of a pipe. The standard library marks our end of the pipe to be closed in every other
/// program that we start, so no other process can keep the server alive.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// `None` once a thread waits for it.
    child: Option<Child>,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    #[cfg(unix)]
    pub(crate) fn new(mut child: Child) -> Self {
        let pipe = child.stdin.take();
        Self { child: Some(child), pipe }
    }

    /// Whether the server has ended, for whatever reason.
    #[cfg(unix)]
    pub(crate) fn has_ended(&mut self) -> bool {
        match &mut self.child {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => true,
        }
    }

    /// Stops the server and returns when it and its folder are gone.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.pipe = None;
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let unwaited = |source| LocalPostgresError::Files {
            action: "wait for the end of",
            path: PathBuf::from("sh"),
            source,
        };
        match tokio::task::spawn_blocking(move || child.wait()).await {
            Ok(outcome) => outcome.map(drop).map_err(unwaited),
            Err(error) => Err(unwaited(error.into())),
        }
    }
}

impl Drop for Watchdog {
    /// Stops the server without waiting; the thread only prevents a zombie process.
    fn drop(&mut self) {
        self.pipe = None;
        if let Some(mut child) = self.child.take() {
            let _ = std::thread::Builder::new().spawn(move || child.wait());
        }
    }
}
