//! Checks, and log messages, before a worker starts.

use std::any::TypeId;
use std::time::Duration;

use sqlx::PgPool;

use super::open::{PARTS, too_few};
use super::outage::in_seconds;
use super::shared::Shared;
use crate::db::hosts::Hosts;
use crate::db::pooler;
use crate::task::definition::TaskDef;
use crate::task::handler::Handler;
#[cfg(feature = "logs")]
use crate::task::log_span;
use crate::task::registry::Registry;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;
use crate::types::topic::Topic;

/// Logs the options of a worker before it does anything.
pub(super) fn announce(shared: &Shared) {
    let settings = &shared.settings;
    let topics = if settings.topics.is_empty() { "*".to_owned() } else { settings.topics.join(" ") };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        database = %shared.hosts.describe(),
        topics,
        tasks = settings.names.len(),
        slots = settings.slots,
        pid = std::process::id(),
        "starting a worker"
    );
    tracing::debug!(tasks = ?settings.names, "its tasks");
}

/// Warns of a small pool: a task that waits for a connection while others use them all times out, and its run
/// counts as an attempt.
pub(super) fn warn_of_small_pool(pool: &PgPool, slots: usize, registry: &Registry) {
    let connections = pool.options().get_max_connections();
    let asks = |task: &&'static TaskDef| task.needs.iter().any(|need| (need.id)() == TypeId::of::<PgPool>());
    let tasks = registry.tasks();
    let Some(task) = tasks.iter().find(|task| asks(task)) else { return };
    if usize::try_from(connections).is_ok_and(|connections| connections < slots) {
        tracing::warn!(
            connections,
            slots,
            task = task.name,
            "the pool has fewer connections than the worker has slots, and tasks ask for the pool: runs may fail \
             waiting for one; give it max_connections of the slots times what a task holds at once"
        );
    }
}

/// Warns of batch handlers whose joint runs are never full, since each job of one takes a slot.
pub(super) fn warn_of_few_slots(slots: usize, registry: &Registry) {
    for task in registry.tasks() {
        if let Handler::Many(many) = task.run
            && many.most > slots
        {
            tracing::warn!(
                task = task.name,
                batch = many.most,
                slots,
                "the worker has fewer slots than the batch handler takes jobs: its calls have no more jobs than \
                 there are slots; raise the worker's concurrency, or lower `batch`"
            );
        }
    }
}

/// Warns of a topic without a task of this program, beside others that have some: a slip of the pen, or a crate that
/// is not linked.
pub(super) fn warn_of_empty_topics(topics: &[String], registry: &Registry) {
    let names = registry.claimable();
    let is_empty = |topic: &Topic| !names.iter().any(|name| topic.holds(name));
    for topic in topics.iter().filter_map(|topic| topic.parse().ok()).filter(is_empty) {
        tracing::warn!(
            %topic,
            "no task of this program is under this topic: correct it, or link the crate with the task"
        );
    }
}

/// Has the program's subscriber ask for the events that this worker keeps; warns when nothing catches them.
pub(super) fn prepare_logs(shared: &Shared) {
    let levels = shared.registry.tasks().into_iter().map(|task| shared.outbox.level(task.options.log));
    let highest = levels.max().unwrap_or(LogLevel::Off);
    if highest > LogLevel::Off && !catches(highest) {
        tracing::warn!(
            "tasks are to keep what they log, and nothing catches it: add pgjobs::logs::layer() to the program's \
             subscriber (feature `logs`)"
        );
    }
}

#[cfg(feature = "logs")]
fn catches(level: LogLevel) -> bool {
    log_span::wants(level);
    log_span::is_made()
}

#[cfg(not(feature = "logs"))]
fn catches(_: LogLevel) -> bool {
    false
}

/// Refuses connections over which a worker could not stay alive; waits so long for each host.
pub(super) async fn check_connection(
    hosts: &Hosts,
    lease: Duration,
    deadline: Duration,
) -> Result<(), Error> {
    let checked = pooler::measure_sessions(&hosts.named("pooler?"), deadline).await;
    let round_trip = checked.map_err(|(error, got)| too_few(error, PARTS, got))?;
    hosts.measured(round_trip);
    let least = round_trip * ROUND_TRIPS;
    if least <= lease {
        return Ok(());
    }
    let [lease, round_trip, least] = [lease, round_trip, least].map(in_seconds);
    let reason = format!(
        "the connection is too slow for a lease of {lease}: a round trip takes {round_trip}; choose {least} or more"
    );
    Err(Error::Option { name: "lease", reason })
}

/// A lease is at least this many round trips. A third of it is for at least two of them, and some more for a
/// network with occasional delays.
const ROUND_TRIPS: u32 = 8;
