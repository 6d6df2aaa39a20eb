//! What the server says beside its answers: the driver hands it to the log of the thread.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::util::SubscriberInitExt;

/// Everything that was said on this thread since it was asked to listen.
#[derive(Clone, Default)]
pub(crate) struct ServerMessages(Arc<Mutex<Vec<u8>>>);

impl ServerMessages {
    /// Listens until the guard is dropped.
    pub(crate) fn listen() -> (Self, impl Sized) {
        let said = ServerMessages::default();
        let writer = said.clone();
        let log = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        (said, log.set_default())
    }

    /// What was said since the last look.
    pub(crate) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

impl Write for ServerMessages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
