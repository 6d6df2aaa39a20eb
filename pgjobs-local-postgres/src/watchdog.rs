use std::{fs::File, path::PathBuf, process::Child};

use super::error::{LocalPostgresError, Result};

/// The shell that runs the server and stops it when this process ends, or when all that share it have.
///
/// It waits for the end of a pipe. The standard library marks our end of the pipe to be closed in every other
/// program that we start, so no other process can keep the server alive.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// `None` once a thread waits for it.
    child: Option<Child>,
    pipe: Option<File>,
    is_shared: bool,
}

impl Watchdog {
    #[cfg(unix)]
    pub(crate) fn new(mut child: Child, users: Option<File>) -> Self {
        let is_shared = users.is_some();
        let own = child.stdin.take().map(|pipe| File::from(std::os::fd::OwnedFd::from(pipe)));
        Self { child: Some(child), pipe: users.or(own), is_shared }
    }

    /// That of a server which another program started.
    #[cfg(unix)]
    pub(crate) fn shared(users: File) -> Self {
        Self { child: None, pipe: Some(users), is_shared: true }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The server answers: from here on nobody waits for the end of one that is shared.
    #[cfg(unix)]
    pub(crate) fn started(mut self) -> Self {
        if self.is_shared {
            self.reap();
        }
        self
    }

    /// Has a thread wait for the shell, which only prevents a zombie process.
    fn reap(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = std::thread::Builder::new().spawn(move || child.wait());
        }
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
    /// Stops the server, or leaves it to the others, without waiting.
    fn drop(&mut self) {
        self.pipe = None;
        self.reap();
    }
}
