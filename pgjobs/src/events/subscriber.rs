//! One subscriber: first it reads what it has missed from the database, then it hears what the reader of its
//! process reads. When it cannot follow, it reads from the database again, from where it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::hub::{Hub, Message, Seat};
use super::reader;
use crate::db::connection::{unconfirmed, within};
use crate::db::events::{self, Page, Reading};
use crate::db::notify::ANSWER;
use crate::db::pooler::on_pool;
use crate::db::results::is_passing;
use crate::types::backoff::Backoff;
use crate::types::error::Error;
use crate::types::event::{Event, EventFilter};
use crate::types::position::Position;
use crate::types::update::Update;

const AGAIN: Backoff = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5));

/// How long it waits for a round of the reader at most.
const POLL: Duration = Duration::from_secs(1);

/// How many events it reads at once.
const NUM: i32 = 500;

pub(super) struct Subscriber {
    pool: PgPool,
    filter: EventFilter,
    seat: Option<Seat>,
    /// After the last event that it gave, or passed over.
    at: Option<Position>,
    /// What it has read from the database and not given yet.
    read: VecDeque<Arc<Event>>,
    /// What the reader reads, once it has joined the others.
    live: Option<Receiver<Message>>,
    failures: u32,
    has_ended: bool,
}

/// What reading from the database gave.
enum Caught {
    /// More events, or a reason to look again.
    Some,
    Resync(Update),
}

impl Subscriber {
    pub(super) fn new(pool: PgPool, filter: EventFilter, after: Option<Position>) -> Self {
        let (read, seat) = (VecDeque::new(), None);
        Subscriber { pool, filter, seat, at: after, read, live: None, failures: 0, has_ended: false }
    }

    /// The next update, and itself; `None` when the pool is closed, and after an error.
    pub(super) async fn next(mut self) -> Option<(Result<Update, Error>, Self)> {
        loop {
            if self.has_ended || self.pool.is_closed() {
                return None;
            }
            let update = match self.read.pop_front() {
                Some(event) => self.pass(event),
                None if self.live.is_some() => self.hear().await,
                None => self.catch_up().await,
            };
            match update {
                Ok(None) => self.failures = 0,
                Ok(Some(update)) => return Some((Ok(update), self)),
                Err(error) if is_passing(&error) => self.rest(&error).await,
                Err(error) => {
                    self.has_ended = true;
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Moves on to an event, and gives it if it is one of those wanted.
    fn pass(&mut self, event: Arc<Event>) -> Result<Option<Update>, Error> {
        self.at = Some(event.position.clone());
        Ok(self.filter.holds(&event).then_some(Update::Event(event)))
    }

    /// Waits for what the reader reads next.
    async fn hear(&mut self) -> Result<Option<Update>, Error> {
        let Some(live) = &mut self.live else { return Ok(None) };
        let closed = self.pool.close_event();
        let message = tokio::select! {
            biased;
            message = live.recv() => message,
            () = closed => return Ok(None),
        };
        match message {
            Ok(Message::Event(event)) => self.pass(event),
            Ok(Message::Resync(resync)) => {
                self.at = Some(resync.position.clone());
                Ok(Some(Update::Resync(resync)))
            }
            Ok(Message::Alone) | Err(RecvError::Lagged(_) | RecvError::Closed) => {
                self.live = None;
                Ok(None)
            }
        }
    }

    /// Reads a page from the database: up to where the reader is, if there is one. Once it has read all of
    /// that, it joins.
    async fn catch_up(&mut self) -> Result<Option<Update>, Error> {
        let hub = Arc::clone(&self.seat.get_or_insert_with(|| Hub::enter(&self.pool)).0);
        reader::ensure(&hub);
        let turned = hub.turned.notified();
        let joins = hub.join();
        let at = match &self.at {
            Some(at) => at.clone(),
            None => self.ask(&hub, async |pool| on_pool(&pool, events::position).await).await?,
        };
        self.at = Some(at.clone());
        let (topic, until) = (self.filter.topic().to_owned(), joins.as_ref().map(|(until, _)| until.clone()));
        let asked = at.clone();
        let page: Page = self
            .ask(&hub, async move |pool| {
                let reading = Reading { after: &asked, topic: &topic, num: NUM, until: until.as_ref() };
                on_pool(&pool, async |connection, statements| {
                    events::after(connection, statements, &reading).await
                })
                .await
            })
            .await?;
        self.live = joins.filter(|(until, _)| *until == page.end).map(|(_, live)| live);
        let is_still = page.events.is_empty() && self.live.is_none();
        match self.take(page) {
            Caught::Resync(update) => return Ok(Some(update)),
            Caught::Some if is_still => {
                hub.wanted.notify_one();
                let _ = tokio::time::timeout(POLL, turned).await; // who waited long enough looks
            }
            Caught::Some => {}
        }
        Ok(None)
    }

    fn take(&mut self, page: Page) -> Caught {
        let Page { events, end, resync } = page;
        if let Some(resync) = resync {
            self.at = Some(end);
            return Caught::Resync(Update::Resync(resync));
        }
        if events.is_empty() {
            self.at = Some(end);
        }
        self.read.extend(events.into_iter().map(Arc::new));
        Caught::Some
    }

    /// Asks the database, few subscribers at a time. In a task of its own: the stream may be dropped at any
    /// moment, and that must not cut off a statement.
    async fn ask<T: Send + 'static, F: Future<Output = Result<T, Error>> + Send>(
        &self,
        hub: &Arc<Hub>,
        question: impl FnOnce(PgPool) -> F + Send + 'static,
    ) -> Result<T, Error> {
        let (hub, pool) = (Arc::clone(hub), self.pool.clone());
        let asked = tokio::spawn(async move {
            let _turn = hub.catching_up.acquire().await;
            within(ANSWER, question(pool)).await
        });
        asked.await.unwrap_or_else(|_| Err(unconfirmed("the runtime has ended".to_owned())))
    }

    /// Rests after a failure that passes.
    async fn rest(&mut self, error: &Error) {
        tracing::debug!(%error, "events cannot be read; it is tried again");
        tokio::select! {
            () = tokio::time::sleep(AGAIN.delay(self.failures)) => {}
            () = self.pool.close_event() => {}
        }
        self.failures = (self.failures + 1).min(20);
    }
}
