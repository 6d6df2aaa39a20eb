//! What the log of a thread has: what pgjobs says, and what the server says beside its answers.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

/// This subscriber hears what this thread says, until the guard is dropped: for tests, which run beside each
/// other, in place of `tracing::subscriber::set_default`.
pub fn subscribe(subscriber: impl Into<Dispatch>) -> DefaultGuard {
    // While a program has one subscriber, `tracing` takes the thread that comes by an event first for all
    // threads: where nobody listens on it, the event is off on this thread as well. With two it asks all.
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));
    LazyLock::force(&ANOTHER);
    tracing::dispatcher::set_default(&subscriber.into())
}

/// Everything that was said on this thread since it was asked to listen.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<u8>>>);

impl Said {
    /// Listens until the guard is dropped.
    pub fn listen() -> (Self, DefaultGuard) {
        let said = Said::default();
        let writer = said.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (said, subscribe(log))
    }

    /// All that was said and not taken yet.
    pub fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    /// What was said since the last look.
    pub fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn what_another_thread_comes_by_first_is_heard_on_this_one() {
        let (said, _listening) = Said::listen();
        let warn = || tracing::warn!("of both threads");
        std::thread::spawn(warn).join().unwrap();
        warn();
        assert_eq!(said.take().matches("of both threads").count(), 1);
    }
}
