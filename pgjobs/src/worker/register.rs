//! Registers a worker in the database, at its start and whenever the database may have forgotten it.

use std::sync::OnceLock;

use sqlx::PgConnection;
use uuid::Uuid;

use super::shared::Shared;
use crate::db::worker::{self, Registration};
use crate::types::command::KINDS;
use crate::types::error::Error;

/// Declares the tasks, then the worker. Always both, since a database that has lost the one has lost the
/// other as well.
pub(super) async fn register(connection: &mut PgConnection, shared: &Shared, id: Uuid) -> Result<(), Error> {
    declare_tasks(connection, shared).await?;
    worker::register(connection, &registration(shared, id)).await
}

/// Declares only the tasks, to a database that may be another one than before.
pub(super) async fn declare_tasks(connection: &mut PgConnection, shared: &Shared) -> Result<(), Error> {
    let tasks: Vec<_> = shared.registry.tasks().iter().map(|def| def.describe()).collect();
    worker::register_tasks(connection, &tasks).await
}

/// Refuses a database that would lose or hide jobs, with the reasons that the database returns.
pub(super) async fn refuse_unusable(connection: &mut PgConnection) -> Result<(), Error> {
    let reasons = worker::unusable(connection).await?;
    if reasons.is_empty() { Ok(()) } else { Err(Error::Unusable { reasons }) }
}

fn registration(shared: &Shared, id: Uuid) -> Registration<'_> {
    Registration {
        id,
        host: host(),
        topics: &shared.settings.topics,
        tasks: &shared.settings.names,
        slots: i32::try_from(shared.slots.number()).unwrap_or(i32::MAX),
        lease: shared.settings.lease,
        commands: KINDS,
    }
}

/// The host name, by which people find a worker.
fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let named = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let asked = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        named.or_else(asked).map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
    })
}
