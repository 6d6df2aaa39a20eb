//! Events: hear what becomes of jobs, while it happens and after an absence.
//!
//! Events are written for topics that are watched: by [`watch`], by `pgjobs watch add`, or because their
//! tasks say so (`#[task(events = true)]`). All other jobs cost nothing for it. Who may see what is decided
//! by the program; [`Event::meta`] has what the publisher noted on the job.
//!
//! ```no_run
//! use futures_util::StreamExt;
//! use pgjobs::events::{self, EventKind, Update};
//!
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! events::watch(&pool, &"export.*".parse()?, &[]).await?;
//!
//! let mut updates = pgjobs::events(&pool)
//!     .topic("export.*")?
//!     .kinds([EventKind::Progress, EventKind::Completed, EventKind::Failed])
//!     .stream();
//! while let Some(update) = updates.next().await {
//!     match update? {
//!         Update::Event(event) => println!("{} {} {:?}", event.job_id, event.kind, event.fraction()),
//!         Update::Resync(resync) => println!("read the state anew: {:?}", resync.reason),
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # What a subscriber can rely on
//! - Each event comes once, and none is left out, also across outages of the database and absences of the
//!   subscriber that continues [`after`](Events::after) its last position; or else there is a [`Resync`].
//! - An event comes only once what it tells of has committed. The events of one job come in their order.
//! - A transaction that stays open holds back its own events alone.
//! - However many subscribers a process has, one connection of it reads events. A subscriber that is slower
//!   than the events reads them from the database at its own pace; memory holds a few thousand of them, for
//!   all subscribers together.
//!
//! The database user needs the role `jobs_reader` or `jobs_worker`; [`watch`] and [`unwatch`] need
//! `jobs_admin`. Events are kept for `jobs.config.event_hours`, by default two days.

mod hub;
mod reader;
mod subscriber;

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::BoxStream;
use sqlx::PgPool;

use crate::db;
use crate::db::pooler::on_pool;
use crate::types::error::Error;
use crate::types::event::EventFilter;
use crate::types::job_id::JobId;
use crate::types::topic::Topic;
use subscriber::Subscriber;

pub use crate::db::events::WatchRow;
pub use crate::types::event::{Event, EventKind};
pub use crate::types::position::Position;
pub use crate::types::update::{Resync, ResyncReason, Update};

/// Subscribes to events of the database behind this pool. Without further calls: to all that happens from now
/// on to jobs of watched topics.
///
/// See the [module](mod@crate::events) for what can be relied on.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use futures_util::StreamExt;
///
/// let mut updates = pgjobs::events(&pool).topic("export.*")?.stream();
/// while let Some(update) = updates.next().await {
///     println!("{:?}", update?);
/// }
/// # Ok(()) }
/// ```
pub fn events(pool: &PgPool) -> Events {
    Events { pool: pool.clone(), filter: EventFilter::default(), after: None }
}

/// A subscription that is not running yet; [`stream`](Events::stream) starts it. What its methods ask for
/// holds together: an event has to fit the topics, the kinds and the job.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::events::EventKind;
///
/// let exports = pgjobs::events(&pool).topic("export.*")?;
/// let failures = exports.clone().kinds([EventKind::Failed]).stream(); // for the log
/// let progress = exports.kinds([EventKind::Progress]).stream(); // for the page
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is heard before `.stream()`"]
pub struct Events {
    pool: PgPool,
    filter: EventFilter,
    after: Option<Position>,
}

impl Events {
    /// Only tasks under this topic; called several times, under any of them.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let updates = pgjobs::events(&pool).topic("export.*")?.topic("import.*")?.stream();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::Topic`] for a text that is no topic.
    pub fn topic(mut self, topic: impl AsRef<str>) -> Result<Self, Error> {
        self.filter.topics.push(topic.as_ref().parse::<Topic>()?);
        Ok(self)
    }

    /// Only these kinds, and those of further calls; none means all.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::events::EventKind;
    ///
    /// let ends = EventKind::ALL.into_iter().filter(|kind| kind.is_end());
    /// let updates = pgjobs::events(&pool).kinds(ends).stream();
    /// # Ok(()) }
    /// ```
    pub fn kinds(mut self, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        self.filter.kinds.extend(kinds);
        self
    }

    /// Only one job, the one of the last call. There are events of it if its task is watched.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool, export: pgjobs::JobId) -> Result<(), pgjobs::Error> {
    /// use futures_util::StreamExt;
    /// use pgjobs::events::Update;
    ///
    /// let mut updates = pgjobs::events(&pool).job(export.clone()).stream();
    /// while let Some(update) = updates.next().await {
    ///     match update? {
    ///         Update::Event(event) if event.kind.is_end() => break,
    ///         Update::Event(event) => println!("{:?} of it is done", event.fraction()),
    ///         Update::Resync(_) => println!("{}", pgjobs::inspect::job(&pool, &export).await?.state),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn job(mut self, job: JobId) -> Self {
        self.filter.job = Some(job);
        self
    }

    /// Begins with what happened after this position: that of the last event that was heard, or one of
    /// [`position`].
    ///
    /// Any text will do, for example the header `Last-Event-ID` of a browser; one from which nobody can go on
    /// gives a [`Resync`].
    ///
    /// ```no_run
    /// # fn f(pool: sqlx::PgPool, last_event_id: &str) -> Result<(), pgjobs::Error> {
    /// let updates = pgjobs::events(&pool).topic("export.*")?.after(last_event_id).stream();
    /// # Ok(()) }
    /// ```
    pub fn after(mut self, position: impl Into<Position>) -> Self {
        self.after = Some(position.into());
        self
    }

    /// Starts to hear. The stream goes on by itself after outages of the database, and ends when the pool is
    /// closed, or with an error that does not pass, such as a missing role. It must be polled within a tokio
    /// runtime.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool, mut heard: String) -> Result<(), pgjobs::Error> {
    /// use futures_util::StreamExt;
    ///
    /// let mut updates = pgjobs::events(&pool).after(&*heard).stream();
    /// while let Some(update) = updates.next().await {
    ///     heard = update?.position().to_string(); // stored, it is where the next start goes on
    /// }
    /// # Ok(()) }
    /// ```
    pub fn stream(self) -> EventStream {
        let subscriber = Subscriber::new(self.pool, self.filter, self.after);
        EventStream(Box::pin(futures_util::stream::unfold(subscriber, Subscriber::next)))
    }
}

/// What a subscriber hears, as a [`Stream`]; dropping it ends the subscription.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use std::time::Duration;
/// use futures_util::StreamExt;
/// use pgjobs::events::EventStream;
///
/// let mut updates: EventStream = pgjobs::events(&pool).topic("export.*")?.stream();
/// match tokio::time::timeout(Duration::from_secs(30), updates.next()).await {
///     Ok(Some(update)) => println!("{:?}", update?),
///     Ok(None) => println!("the pool is closed"),
///     Err(_) => println!("nothing for half a minute"), // it may be asked again
/// }
/// # Ok(()) }
/// ```
#[must_use = "a stream does nothing unless it is polled"]
pub struct EventStream(BoxStream<'static, Result<Update, Error>>);

impl Stream for EventStream {
    type Item = Result<Update, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

/// The position after all that has happened by now.
///
/// Take it before you read the state that events then change: a subscriber that begins
/// [`after`](Events::after) it misses nothing in between.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, job: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// let position = pgjobs::events::position(&pool).await?;
/// let state = pgjobs::inspect::job(&pool, &job).await?; // what the page shows at first
/// let updates = pgjobs::events(&pool).job(job).after(position).stream();
/// # Ok(()) }
/// ```
pub async fn position(pool: &PgPool) -> Result<Position, Error> {
    on_pool(pool, db::events::position).await
}

/// From now on, events of the tasks under this topic are written: of these kinds, none meaning all.
///
/// Of a topic that is watched it changes the kinds. Jobs that were published before are included from here on.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::events::{self, EventKind};
///
/// events::watch(&pool, &"mail.*".parse()?, &[EventKind::Failed]).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Database`] when the query fails, also for a database user without the role `jobs_admin`.
pub async fn watch(pool: &PgPool, topic: &Topic, kinds: &[EventKind]) -> Result<(), Error> {
    db::events::watch(&mut *pool.acquire().await?, topic, kinds).await
}

/// No events of this topic are written any more; `false` when exactly this topic was not watched. Another
/// topic that covers the same tasks may be watched still. What was written is kept as long as other events.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::events;
///
/// if !events::unwatch(&pool, &"export.*".parse()?).await? {
///     println!("nobody watched it; watched are {:?}", events::watches(&pool).await?);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT409` for a topic that only the code of its task declares (`events = true`).
pub async fn unwatch(pool: &PgPool, topic: &Topic) -> Result<bool, Error> {
    db::events::unwatch(&mut *pool.acquire().await?, topic).await
}

/// The topics that are watched, in their order; one that both the code and somebody watches comes twice.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for watch in pgjobs::events::watches(&pool).await? {
///     println!("{} since {}: {:?}", watch.topic, watch.watched_at, watch.kinds);
/// }
/// # Ok(()) }
/// ```
pub async fn watches(pool: &PgPool) -> Result<Vec<WatchRow>, Error> {
    db::events::watches(&mut *pool.acquire().await?).await
}
