//! Separate threads for the loops of a worker.
//!
//! A handler may block the thread that it runs on, against all advice: with a synchronous driver or a long
//! computation. Everything that was about to run on that thread then waits, and with one blocked thread of
//! four that can be the claim loop: a worker full of free slots that does nothing. So the loops that call the
//! database have separate threads and small runtimes, and the user's runtime runs only the handlers and the
//! dispatch loop that starts them.

use std::io;

use tokio::sync::oneshot;

/// Runs a loop of the worker on a thread of this name. The receiver gets what the loop returns, or an error
/// when it panicked.
pub(super) fn spawn<P, F>(name: &str, part: P) -> io::Result<oneshot::Receiver<F::Output>>
where
    P: FnOnce() -> F + Send + 'static,
    F: Future<Output: Send + 'static>,
{
    let (tell, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The receiver is gone when the worker's owner is; the loop has ended all the same.
        let _ = tell.send(runtime.block_on(part()));
    })?;
    Ok(ended)
}
