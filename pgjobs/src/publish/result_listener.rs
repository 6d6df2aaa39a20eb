//! Waits until a job, a workflow or a node of one has ended; "job" below means any of them.
//!
//! A connection per waiter would exhaust the program's pool, and so would a statement per waiter whenever
//! some job ends. So all waiters on a database are registered in one structure, and one thread with one
//! connection polls for all of them ([`watcher`]). While that thread cannot poll (no
//! connection is available, or the program's pool gives its connections a role or a password that a new
//! connection lacks), the waiters take turns: one of them polls for all through its own pool.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::result_query::look;
use super::subject::Subject;
use super::waiting::{Answer, POLL, Turn, Waiting};
use super::watcher;
use crate::db::address::database_key;
use crate::db::connection::within;
use crate::db::notify::ANSWER;
use crate::db::pooler::Statements;
use crate::db::results::{Which, is_passing};
use crate::types::error::Error;

static WAITING: LazyLock<Mutex<HashMap<String, Arc<Waiting>>>> = LazyLock::new(Mutex::default);

fn all() -> MutexGuard<'static, HashMap<String, Arc<Waiting>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A waiter for one job.
struct Wait<'a> {
    database: String,
    waiting: Arc<Waiting>,
    pool: &'a PgPool,
    job: &'a Subject,
    ticket: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.waiting.leave(self.job, self.ticket);
    }
}

/// How a job ended, or why that cannot be known; waits until then, or for about `limit`.
pub(crate) async fn until_ended(pool: &PgPool, job: &Subject, limit: Option<Duration>) -> Answer {
    if pool.is_closed() {
        return Err(Error::Database(sqlx::Error::PoolClosed));
    }
    let began = Instant::now();
    let deadline = limit.and_then(|limit| began.checked_add(limit));
    let mut wait = Wait::begin(pool, job);
    let mut closed = std::pin::pin!(pool.close_event());
    let mut pause = Duration::from_millis(10);
    loop {
        let now = Instant::now();
        // The job is queried at least once, whatever the limit, unless that is impossible.
        let may_end = now >= began + POLL || wait.was_looked_at();
        if may_end && deadline.is_some_and(|deadline| deadline <= now) {
            return wait.answer.try_recv().unwrap_or_else(|_| Err(job.late()));
        }
        let wake = deadline.filter(|deadline| *deadline > now).map_or(now + pause, |at| at.min(now + pause));
        tokio::select! {
            biased;
            answer = &mut wait.answer => return answer.unwrap_or(Err(Error::Database(sqlx::Error::WorkerCrashed))),
            () = &mut closed => return Err(Error::Database(sqlx::Error::PoolClosed)),
            () = tokio::time::sleep_until(wake) => wait.look_if_nobody_does(),
        }
        pause = (pause * 2).min(POLL);
    }
}

impl<'a> Wait<'a> {
    fn begin(pool: &'a PgPool, job: &'a Subject) -> Self {
        let database = database_key(&pool.connect_options());
        let (waiting, (ticket, answer)) = {
            let mut all = all();
            let waiting = all.entry(database.clone()).or_default();
            (Arc::clone(waiting), waiting.enter(pool, job))
        };
        watcher::ensure(&database, &waiting);
        Wait { database, waiting, pool, job, ticket, answer }
    }

    fn was_looked_at(&self) -> bool {
        self.waiting.was_looked_at(self.job, self.ticket)
    }

    fn look_if_nobody_does(&self) {
        watcher::ensure(&self.database, &self.waiting);
        if let Some(turn) = self.waiting.take_turn() {
            // In a separate task: the waiter may be dropped at any moment, and that must not cut off a
            // statement.
            tokio::spawn(look_for_all(turn, self.pool.clone(), self.job.clone()));
        }
    }
}

/// Polls for all waiters through the pool of one of them. A failure that does not pass is reported to that
/// one only: others may have other pools.
async fn look_for_all(turn: Turn, pool: PgPool, job: Subject) {
    let waiting = &turn.0;
    match look_through(waiting, &pool).await {
        Ok(()) => waiting.looked_in_turn(None),
        Err(error) if is_passing(&error) => waiting.looked_in_turn(Some(&error)),
        Err(error) => waiting.fail_one(&job, error),
    }
}

async fn look_through(waiting: &Waiting, pool: &PgPool) -> Result<(), Error> {
    let statements = Statements::of(pool);
    let mut connection = pool.acquire().await?;
    let looked = within(ANSWER, look(waiting, &mut connection, statements, Some(Which::All))).await;
    if looked.is_err() {
        connection.close_on_drop(); // its answer may still arrive
    }
    looked
}

/// Removes a database without waiters.
pub(super) fn forget(database: &str, waiting: &Waiting) -> bool {
    let mut all = all();
    let mut state = waiting.state();
    if !state.is_empty() {
        return false;
    }
    state.watched = false;
    all.remove(database);
    true
}
