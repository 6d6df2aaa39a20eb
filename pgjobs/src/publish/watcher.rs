//! The thread that polls for all waiters on one database.
//!
//! It has its own runtime and connection, so that waiting takes nothing from the program's pool, and a
//! runtime of the program that is blocked, not driven or dropped does not keep waiters on other runtimes from
//! their results. It starts with the first waiter and ends soon after the last one has gone. Notifications
//! report ended jobs; the thread finds the jobs of missed notifications because it polls once a second
//! anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::result_listener::forget;
use super::result_query::look;
use super::waiting::{POLL, Waiting};
use crate::db::connection::within;
use crate::db::notify::{ANSWER, Awaited, NotifiedConnection};
use crate::db::results::Which;
use crate::types::backoff::Backoff;
use crate::types::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// For how long a request for notifications about ended jobs is valid; renewed before it expires.
const AHEAD: Duration = Duration::from_secs(10);

/// How long the thread stays after the last waiter has gone.
const LINGER: Duration = Duration::from_secs(5);

/// The shortest pause between two polls, for many waiters. For a few waiters the pause is proportionally
/// shorter: their polls cost less.
const PAUSE: Duration = Duration::from_millis(20);
const MANY: u32 = 16;

/// Starts the thread, unless it runs already.
pub(super) fn ensure(database: &str, waiting: &Arc<Waiting>) {
    if std::mem::replace(&mut waiting.state().watched, true) {
        return;
    }
    waiting.state().alone = false;
    let gone = Gone(Arc::clone(waiting));
    let database = database.to_owned();
    let thread = std::thread::Builder::new().name("pgjobs wait".to_owned());
    let started = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(watch(&database, &gone.0)),
            Err(error) => tracing::debug!(%error, "waiting for results without a thread of its own"),
        }
    });
    if let Err(error) = started {
        tracing::debug!(%error, "waiting for results without a thread of its own");
    }
}

/// However the thread ends, the remaining waiters then poll by themselves and may start another thread.
struct Gone(Arc<Waiting>);

impl Drop for Gone {
    fn drop(&mut self) {
        let mut state = self.0.state();
        (state.watched, state.alone) = (false, true);
    }
}

async fn watch(database: &str, waiting: &Waiting) {
    let mut failures = 0;
    loop {
        match serve(waiting, &mut failures).await {
            Ok(()) if forget(database, waiting) => return,
            Ok(()) => {}
            Err(_) if forget(database, waiting) => return,
            Err(error) => {
                waiting.state().alone = true;
                tracing::debug!(%error, "those who wait for results look by themselves");
                tokio::time::sleep(RECONNECT.delay(failures)).await;
                failures = (failures + 1).min(20);
            }
        }
    }
}

/// Polls until there has been no waiter for a while, or the connection breaks.
async fn serve(waiting: &Waiting, failures: &mut u32) -> Result<(), Error> {
    let Some((options, statements)) = waiting.server() else { return Ok(()) };
    let connection = NotifiedConnection::open(options, statements, Awaited::Results).await?;
    let now = Instant::now();
    let mut watch = Watch { waiting, connection, renew: now, poll: now, pause: PAUSE, notified: false };
    loop {
        if waiting.count() > 0 {
            watch.look().await?;
            *failures = 0;
        }
        if !watch.wait().await? {
            watch.connection.close().await;
            return Ok(());
        }
    }
}

struct Watch<'w> {
    waiting: &'w Waiting,
    connection: NotifiedConnection,
    /// When the request for notifications has to be renewed.
    renew: Instant,
    /// When all jobs are polled next, with or without a notification.
    poll: Instant,
    /// The pause until the poll after that.
    pause: Duration,
    notified: bool,
}

impl Watch<'_> {
    /// Polls once, then pauses to limit the cost of polling.
    async fn look(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        if self.renew <= began {
            self.connection.ask(AHEAD).await?;
            self.renew = began + AHEAD / 2;
        }
        let due = (self.poll <= began).then_some(Which::All);
        let others = due.or(self.notified.then_some(Which::Ended));
        self.connection.forget();
        self.notified = false;
        let (connection, statements) = self.connection.connection().await?;
        within(ANSWER, look(self.waiting, connection, statements, others)).await?;
        self.waiting.answered();
        if due.is_some() {
            self.pause = if self.connection.listens() { POLL } else { (self.pause * 2).min(POLL) };
            self.poll = began + self.pause;
        }
        let many = u32::try_from(self.waiting.count()).unwrap_or(MANY).min(MANY);
        let least = (PAUSE * many / MANY).max(began.elapsed() * 3).min(POLL);
        tokio::time::sleep(least).await;
        Ok(())
    }

    /// Waits for a reason to poll; false when there has been no waiter for a while.
    async fn wait(&mut self) -> Result<bool, Error> {
        let idle = self.waiting.count() == 0;
        let until = if idle { Instant::now() + LINGER } else { self.poll };
        tokio::select! {
            biased;
            notified = self.connection.notified() => {
                notified?;
                self.notified = true;
            }
            () = self.waiting.came.notified() => self.come(),
            () = tokio::time::sleep_until(until) => return Ok(!idle),
        }
        Ok(true)
    }

    /// Handles a new waiter. Without notifications it polls often at first: many jobs end soon.
    fn come(&mut self) {
        if !self.connection.listens() {
            self.pause = PAUSE;
            self.poll = self.poll.min(Instant::now() + PAUSE);
        }
    }
}
