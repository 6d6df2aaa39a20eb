//! What the subscribers of a process on one database share: its reader, and the events that it read last.
//!
//! The reader reads in rounds. Between two rounds it is at one position, and whoever has read up to there can
//! join the others without missing an event or hearing one twice.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{Notify, Semaphore, broadcast};

use crate::db::address::database_key;
use crate::db::pooler::Statements;
use crate::types::event::Event;
use crate::types::position::Position;
use crate::types::update::Resync;

/// How many events are kept for subscribers that are behind; who is further behind reads from the database.
const KEPT: usize = 4096;

/// How many subscribers read from the database by themselves at a time.
const CATCHING_UP: usize = 4;

static HUBS: LazyLock<Mutex<HashMap<String, Arc<Hub>>>> = LazyLock::new(Mutex::default);

fn hubs() -> MutexGuard<'static, HashMap<String, Arc<Hub>>> {
    HUBS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the reader tells the subscribers that have joined.
#[derive(Clone)]
pub(super) enum Message {
    Event(Arc<Event>),
    Resync(Resync),
    /// The reader has lost its connection for longer: read by yourselves.
    Alone,
}

pub(super) struct Hub {
    key: String,
    state: Mutex<State>,
    /// A subscriber came, or waits for the next round.
    pub(super) wanted: Notify,
    /// A round has ended.
    pub(super) turned: Notify,
    /// Held by those who read from the database by themselves.
    pub(super) catching_up: Semaphore,
}

struct State {
    pool: PgPool,
    subscribers: usize,
    /// The reader's thread runs.
    is_read: bool,
    /// Where the reader is, between two rounds.
    at: Option<Position>,
    sender: broadcast::Sender<Message>,
}

impl Hub {
    /// Takes a seat in the hub of this database.
    pub(super) fn enter(pool: &PgPool) -> Seat {
        let key = database_key(&pool.connect_options());
        let mut hubs = hubs();
        let hub = hubs.entry(key.clone()).or_insert_with(|| Arc::new(Hub::new(key, pool)));
        {
            let mut state = hub.state();
            state.subscribers += 1;
            state.pool = pool.clone();
        }
        Seat(Arc::clone(hub))
    }

    fn new(key: String, pool: &PgPool) -> Self {
        let (sender, _) = broadcast::channel(KEPT);
        let state = State { pool: pool.clone(), subscribers: 0, is_read: false, at: None, sender };
        Hub {
            key,
            state: Mutex::new(state),
            wanted: Notify::new(),
            turned: Notify::new(),
            catching_up: Semaphore::new(CATCHING_UP),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn subscribers(&self) -> usize {
        self.state().subscribers
    }

    /// True once, until [`is_left`](Hub::is_left): whoever gets it starts the reader.
    pub(super) fn starts_reader(&self) -> bool {
        !std::mem::replace(&mut self.state().is_read, true)
    }

    /// The reader has ended.
    pub(super) fn is_left(&self) {
        let mut state = self.state();
        (state.is_read, state.at) = (false, None);
        let _ = state.sender.send(Message::Alone); // fails when nobody hears
    }

    /// Removes the hub if it has no subscribers; whoever comes then makes another.
    pub(super) fn closes(&self) -> bool {
        let mut hubs = hubs();
        let is_empty = self.state().subscribers == 0;
        if is_empty {
            hubs.remove(&self.key);
        }
        is_empty
    }

    /// Where and how to connect: as the pool of the last subscriber does.
    pub(super) fn server(&self) -> (PgConnectOptions, Statements) {
        let pool = self.state().pool.clone();
        (PgConnectOptions::clone(&pool.connect_options()), Statements::of(&pool))
    }

    /// Where the reader is, and all that it reads from there on. `None` while it reads, and while there is
    /// none.
    pub(super) fn join(&self) -> Option<(Position, broadcast::Receiver<Message>)> {
        let state = self.state();
        Some((state.at.clone()?, state.sender.subscribe()))
    }

    /// A round has more to tell than that nothing happened: nobody may join before it has ended.
    pub(super) fn begin_round(&self) {
        self.state().at = None;
    }

    pub(super) fn tell(&self, message: Message) {
        let _ = self.state().sender.send(message); // fails when nobody hears
    }

    pub(super) fn end_round(&self, at: Position) {
        self.state().at = Some(at);
        self.turned.notify_waiters();
    }
}

/// A subscriber's place in a hub, given up when it is dropped.
pub(super) struct Seat(pub(super) Arc<Hub>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.state().subscribers -= 1;
    }
}
