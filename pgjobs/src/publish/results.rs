//! One listening connection for all handles of a process that wait for results.
//!
//! A connection for each waiting handle would empty the pool; none would make waiting slow. So the
//! first handle that waits on a database starts a listener on a connection of its own, all others
//! share it, and it ends soon after the last has gone. It is a hint and nothing more: a handle that
//! hears nothing looks by itself.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Error;
use crate::sql;
use crate::sql::pooler::Statements;

/// How far ahead finishers are told that somebody waits; repeated before it is over.
const AHEAD: Duration = Duration::from_secs(10);

type Listeners = Mutex<HashMap<String, watch::Sender<()>>>;

static LISTENERS: OnceLock<Listeners> = OnceLock::new();

/// A share in the listener of one database.
pub(super) struct Results(watch::Receiver<()>);

impl Results {
    /// Behind a pooler that pools by transaction nothing is heard: what is returned stays silent.
    pub(super) fn listen(pool: &PgPool) -> Self {
        if !Statements::of(pool).are_named() {
            return Results(watch::channel(()).1);
        }
        let options = pool.connect_options();
        let database = database(&options);
        let mut listeners = listeners().lock().unwrap_or_else(PoisonError::into_inner);
        let sender = listeners.entry(database.clone()).or_insert_with(|| {
            let (sender, _) = watch::channel(());
            tokio::spawn(hear(database, PgConnectOptions::clone(&options), sender.clone()));
            sender
        });
        Results(sender.subscribe())
    }

    /// Returns when some job has ended, at the latest at `until`.
    pub(super) async fn changed(&mut self, until: Instant) {
        // No sqlx future is cut off here: this only watches a channel.
        if tokio::time::timeout_at(until, self.0.changed()).await.is_ok_and(|heard| heard.is_err()) {
            tokio::time::sleep_until(until).await; // the listener is gone; polling goes on
        }
    }
}

fn listeners() -> &'static Listeners {
    LISTENERS.get_or_init(Listeners::default)
}

/// What tells two databases apart; never a password.
fn database(options: &PgConnectOptions) -> String {
    let place =
        options.get_socket().map_or_else(|| options.get_host().to_owned(), |s| s.display().to_string());
    format!("{place} {} {:?} {}", options.get_port(), options.get_database(), options.get_username())
}

/// Passes the database's word on until nobody waits or the connection fails.
async fn hear(database: String, options: PgConnectOptions, sender: watch::Sender<()>) {
    let _listening = Listening(database);
    if let Err(error) = relay(options, &sender).await {
        tracing::debug!(%error, "waiting for results by polling alone");
    }
}

/// Strikes the listener off when it ends, also when its runtime ends before it.
struct Listening(String);

impl Drop for Listening {
    fn drop(&mut self) {
        listeners().lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

async fn relay(options: PgConnectOptions, sender: &watch::Sender<()>) -> Result<(), Error> {
    let pool = PgPoolOptions::new().max_connections(2).connect_lazy_with(options);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(sql::listen::ENDED).await?;
    let (heard, mut words) = tokio::sync::mpsc::channel(1);
    // Reading the connection is never interrupted: this task ends when the listener's pool closes.
    tokio::spawn(async move {
        // A lost connection is heard as `None`: what was said meanwhile is unknown, so look.
        while listener.try_recv().await.is_ok() {
            if let Err(TrySendError::Closed(())) = heard.try_send(()) {
                break;
            }
        }
    });
    while sender.receiver_count() > 0 {
        sql::listen::await_results(&pool, AHEAD).await?;
        sender.send_replace(());
        let renew = Instant::now() + AHEAD / 2;
        while let Ok(word) = tokio::time::timeout_at(renew, words.recv()).await {
            word.ok_or(Error::Database(sqlx::Error::PoolClosed))?; // the listener's connection broke
            sender.send_replace(());
            if sender.receiver_count() == 0 {
                break;
            }
        }
    }
    pool.close().await;
    Ok(())
}
