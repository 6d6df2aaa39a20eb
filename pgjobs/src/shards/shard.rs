//! One server: what is known of it, and what it is asked.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::timeout;

use super::Server;
use crate::db;
use crate::db::connection::unconfirmed;
use crate::db::inspect::JobRow;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// How long a server may take to answer one question.
const ANSWERS: Duration = Duration::from_secs(5);

/// A server, and whether it was draining when it was asked last.
pub(super) struct Shard {
    pub(super) name: String,
    pub(super) pool: PgPool,
    pub(super) draining: AtomicBool,
}

impl Shard {
    pub(super) fn new(name: String, pool: PgPool) -> Self {
        Shard { name, pool, draining: AtomicBool::new(false) }
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    pub(super) fn server(&self) -> Server<'_> {
        Server { name: &self.name, pool: &self.pool, draining: self.is_draining() }
    }

    pub(super) async fn get(&self, id: &JobId) -> Result<JobRow, Error> {
        let get = async { db::inspect::get(&mut *self.pool.acquire().await?, id).await };
        timeout(ANSWERS, get).await.unwrap_or_else(|_| Err(late()))
    }

    /// Whether it is draining.
    pub(super) async fn ask(&self) -> Result<bool, Error> {
        let ask = async { db::server_state::draining(&mut *self.pool.acquire().await?).await };
        let draining = timeout(ANSWERS, ask).await.unwrap_or_else(|_| Err(late()))?;
        Ok(draining.is_some())
    }
}

fn late() -> Error {
    unconfirmed(format!("no answer within {ANSWERS:?}"))
}
