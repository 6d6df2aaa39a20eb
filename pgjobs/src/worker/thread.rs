//! Threads of the worker's own.
//!
//! A handler may block the thread that it runs on, against all advice: a synchronous driver, a long
//! computation. Whatever was about to run on that thread then waits with it, and with one blocked
//! thread of four that can be the claim loop: a worker full of free slots that does nothing. So what
//! talks to the database has threads and small runtimes of its own, and on the user's runtime run
//! only the handlers and the dispatcher that starts them.

use std::io;

use tokio::sync::oneshot;

/// Runs a part of the worker on a thread of this name; what it returns is received at its end, and an
/// error when it panicked.
pub(super) fn spawn<P, F>(name: &str, part: P) -> io::Result<oneshot::Receiver<F::Output>>
where
    P: FnOnce() -> F + Send + 'static,
    F: Future<Output: Send + 'static>,
{
    let (tell, ended) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody listens any more when the worker's owner has gone; the part has ended all the same.
        let _ = tell.send(runtime.block_on(part()));
    })?;
    Ok(ended)
}
