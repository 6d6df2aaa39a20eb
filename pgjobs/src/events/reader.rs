//! The one reader of events that a process has for a database, however many subscribers there are.
//!
//! It has a thread, a runtime and a connection of its own, as the thread that waits for results has, and for
//! the same reasons. It looks when it is notified, at most twenty times a second, and once a second in any
//! case. It ends soon after the last subscriber has gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::hub::{Hub, Message};
use crate::db::connection::within;
use crate::db::events::{self, Reading};
use crate::db::notify::{ANSWER, Awaited, NotifiedConnection};
use crate::types::backoff::Backoff;
use crate::types::error::Error;
use crate::types::position::Position;

const RECONNECT: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// After so many failures in a row (about 1.5 s) subscribers read by themselves, until the reader is back.
const ALONE: u32 = 4;

/// For how long notifications are asked for; renewed before that.
const AHEAD: Duration = Duration::from_secs(20);

/// How long the reader stays after the last subscriber has gone.
const LINGER: Duration = Duration::from_secs(5);

/// The shortest and the longest pause between two rounds.
const PAUSE: Duration = Duration::from_millis(50);
const POLL: Duration = Duration::from_secs(1);

/// How many events it reads at once.
const NUM: i32 = 1000;

/// Starts the reader of a hub, unless it runs.
pub(super) fn ensure(hub: &Arc<Hub>) {
    if !hub.starts_reader() {
        return;
    }
    let gone = Gone(Arc::clone(hub));
    let thread = std::thread::Builder::new().name("pgjobs events".to_owned());
    let started =
        thread.spawn(move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(read(&gone.0)),
            Err(error) => tracing::debug!(%error, "events are read without a thread of their own"),
        });
    if let Err(error) = started {
        tracing::debug!(%error, "events are read without a thread of their own");
    }
}

/// However the thread ends, the subscribers that are left then read by themselves, and start another one.
struct Gone(Arc<Hub>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.is_left();
    }
}

async fn read(hub: &Hub) {
    let (mut at, mut failures) = (None, 0);
    loop {
        let served = serve(hub, &mut at, &mut failures).await;
        if hub.closes() {
            return;
        }
        let Err(error) = served else { continue };
        tracing::debug!(%error, "the reader of events has lost its connection");
        failures = (failures + 1).min(20);
        if failures == ALONE {
            hub.begin_round();
            hub.tell(Message::Alone);
        }
        tokio::time::sleep(RECONNECT.delay(failures - 1)).await;
    }
}

/// Reads until there has been no subscriber for a while, or the connection breaks; goes on from `at`.
async fn serve(hub: &Hub, at: &mut Option<Position>, failures: &mut u32) -> Result<(), Error> {
    let (options, statements) = hub.server();
    let mut connection = NotifiedConnection::open(options, statements, Awaited::Events).await?;
    let mut renew = Instant::now();
    loop {
        let began = Instant::now();
        if renew <= began {
            connection.ask(AHEAD).await?;
            renew = began + AHEAD / 2;
        }
        connection.forget();
        round(hub, &mut connection, at).await?;
        *failures = 0;
        tokio::time::sleep(PAUSE.max(began.elapsed() * 3).min(POLL)).await;
        if !wait(hub, &mut connection, began + POLL).await? {
            connection.close().await;
            return Ok(());
        }
    }
}

/// Reads all that is new and tells the subscribers.
async fn round(
    hub: &Hub,
    connection: &mut NotifiedConnection,
    at: &mut Option<Position>,
) -> Result<(), Error> {
    let (connection, statements) = connection.connection().await?;
    let mut here = match at.take() {
        Some(position) => position,
        None => within(ANSWER, events::position(connection, statements)).await?,
    };
    loop {
        *at = Some(here.clone()); // for the case that reading fails
        let reading = Reading { after: &here, topic: "*", num: NUM, until: None };
        let page = within(ANSWER, events::after(connection, statements, &reading)).await?;
        let is_last = page.events.len() < usize::try_from(NUM).unwrap_or_default();
        if page.resync.is_some() || !page.events.is_empty() {
            hub.begin_round();
        }
        page.resync.into_iter().for_each(|resync| hub.tell(Message::Resync(resync)));
        page.events.into_iter().for_each(|event| hub.tell(Message::Event(Arc::new(event))));
        here = page.end;
        if is_last {
            *at = Some(here.clone());
            hub.end_round(here);
            return Ok(());
        }
    }
}

/// Waits for a reason to look; false when there has been no subscriber for a while.
async fn wait(hub: &Hub, connection: &mut NotifiedConnection, until: Instant) -> Result<bool, Error> {
    let is_idle = hub.subscribers() == 0;
    let until = if is_idle { Instant::now() + LINGER } else { until };
    tokio::select! {
        biased;
        notified = connection.notified() => notified.map(|()| true),
        () = hub.wanted.notified() => Ok(true),
        () = tokio::time::sleep_until(until) => Ok(!is_idle),
    }
}
