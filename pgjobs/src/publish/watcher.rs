//! The thread that looks for all who wait on one database.
//!
//! It has a runtime and a connection of its own, so that waiting costs the program's pool nothing, and one of
//! its runtimes that is blocked, not driven or dropped does not keep the others from their results. It begins with the first
//! who waits and ends soon after the last has gone. That jobs have ended it hears; what it does not hear
//! it finds, because it looks once a second anyway.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::result_listener::forget;
use super::result_query::look;
use super::waiting::{POLL, Waiting};
use crate::db::connection::within;
use crate::db::notify::{ANSWER, ResultsConnection};
use crate::db::results::Which;
use crate::types::backoff::Backoff;
use crate::types::error::Error;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// How far ahead finishers are told that somebody waits; repeated before it is over.
const AHEAD: Duration = Duration::from_secs(10);

/// It stays for so long after the last who waited.
const LINGER: Duration = Duration::from_secs(5);

/// The least pause between two looks, for many who wait. A few pause for their share of it: their looks cost less.
const PAUSE: Duration = Duration::from_millis(20);
const MANY: u32 = 16;

/// Starts it, unless it runs already.
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

/// However it ends, those who still wait look themselves and may start another.
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

/// Looks until nobody has waited for a while, or the connection breaks.
async fn serve(waiting: &Waiting, failures: &mut u32) -> Result<(), Error> {
    let Some((options, statements)) = waiting.server() else { return Ok(()) };
    let connection = ResultsConnection::open(options, statements).await?;
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
    connection: ResultsConnection,
    /// When finishers are asked again to say so.
    renew: Instant,
    /// When all jobs are looked at, heard of or not.
    poll: Instant,
    /// Until the next such look.
    pause: Duration,
    notified: bool,
}

impl Watch<'_> {
    /// One look, and the pause that bounds what looking may cost.
    async fn look(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        if self.renew <= began {
            self.connection.await_results(AHEAD).await?;
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

    /// Waits for a reason to look; false when nobody has waited for a while.
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

    /// Somebody came. What is not heard is looked for often at first: many jobs end soon.
    fn come(&mut self) {
        if !self.connection.listens() {
            self.pause = PAUSE;
            self.poll = self.poll.min(Instant::now() + PAUSE);
        }
    }
}
