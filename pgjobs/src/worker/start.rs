//! Starts a worker: its loops for each of its servers.
//!
//! A server that is wrongly set up fails the start, so that it is noticed. One that cannot be reached does
//! not, as long as another one is there: the worker tries it until it answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt, join_all};
use sqlx::PgConnection;
use tokio::time::timeout;

use super::builder::{Server, Worker};
use super::check::{announce, check_connection, prepare_logs, warn_of_few_slots, warn_of_small_pool};
use super::counts::End;
use super::handle::WorkerHandle;
use super::members::{Ended, Members};
use super::open::START;
use super::register::refuse_unusable;
use super::settings::Settings;
use super::shared::Shared;
use super::shutdown::Phase;
use super::supervisor::spawn_parts;
use super::team::Team;
use crate::db::connection::{DbConnection, unconfirmed};
use crate::db::hosts::Hosts;
use crate::db::refusal::is_outage;
use crate::task::layer::AnyLayer;
use crate::task::registry::Registry;
use crate::task::state::State;
use crate::types::backoff::Backoff;
use crate::types::error::Error;

/// How long a start waits for one of several servers: later it is tried beside the work.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses between the attempts to reach it.
const AGAIN: Backoff = Backoff::exponential(Duration::from_millis(200), Duration::from_secs(10));

pub(super) async fn start(worker: Worker) -> Result<WorkerHandle, Error> {
    worker.check()?;
    let registry = worker.registry()?;
    warn_of_few_slots(worker.concurrency, &registry);
    let plan = Arc::new(Plan::new(worker, registry));
    if plan.members.team.is_alone() {
        let ended = plan.begin(0).await?;
        return Ok(WorkerHandle::new(plan.members.clone(), vec![ended]));
    }
    start_several(&plan).await
}

async fn start_several(plan: &Arc<Plan>) -> Result<WorkerHandle, Error> {
    let places = || 0..plan.servers.len();
    let reached = plan.judge(join_all(places().map(|place| plan.probe(place))).await)?;
    // Whoever drops this start, or an error, ends what has begun.
    let mut unfinished = Unfinished(Some(plan.members.clone()));
    let begun = join_all(places().map(|place| {
        let reached = reached[place];
        async move { if reached { Some(plan.begin(place).await) } else { None } }
    }));
    let (mut ended, mut troubles) = (Vec::new(), Vec::new());
    for (place, begun) in begun.await.into_iter().enumerate() {
        match begun {
            Some(Ok(one)) => ended.push(one),
            Some(Err(error)) if !is_outage(&error) => troubles.push((plan.name(place), error)),
            Some(Err(_)) | None => ended.push(plan.clone().begin_later(place)),
        }
    }
    if !troubles.is_empty() {
        plan.members.team.end(Phase::HandingBack);
        join_all(ended).await;
        return Err(Error::Servers(troubles));
    }
    unfinished.0 = None;
    Ok(WorkerHandle::new(plan.members.clone(), ended))
}

/// A start that was not completed.
struct Unfinished(Option<Arc<Members>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.iter().for_each(|members| members.team.end(Phase::HandingBack));
    }
}

/// What the loops for each server are made of.
struct Plan {
    servers: Vec<Server>,
    registry: Registry,
    state: State,
    layers: Vec<Arc<dyn AnyLayer>>,
    members: Arc<Members>,
}

impl Plan {
    fn new(worker: Worker, registry: Registry) -> Self {
        let settings = Settings {
            names: registry.claimable(),
            own_batch: registry.self_finishing(),
            topics: worker.topics,
            slots: worker.concurrency,
            lease: worker.lease,
            grace: worker.grace,
            poll: worker.poll,
            listen: worker.listen,
            burst: worker.burst,
            log: (worker.log, worker.log_lines),
        };
        let names = worker.servers.iter().map(|server| server.name.clone()).collect();
        let team = Team::new(names, settings.slots);
        Plan {
            servers: worker.servers,
            registry,
            state: worker.state,
            layers: worker.layers,
            members: Members::new(team, settings),
        }
    }

    fn name(&self, place: usize) -> String {
        self.servers[place].name.clone()
    }

    fn hosts(&self, place: usize) -> Hosts {
        let server = &self.servers[place];
        Hosts::new(server.pool.clone(), &server.fallbacks)
    }

    /// Begins the loops for a server; returns their end.
    async fn begin(&self, place: usize) -> Result<Ended, Error> {
        let (settings, team) = (self.members.settings.clone(), self.members.team.clone());
        let server = &self.servers[place];
        let mut state = self.state.clone();
        if place > 0 {
            state.insert(server.pool.clone()); // a task works where its job lies
        }
        let (registry, layers) = (self.registry.clone(), self.layers.clone());
        let (shared, inboxes) =
            Shared::new(self.hosts(place), settings, registry, state, layers, (team, place));
        let span = shared.span();
        span.in_scope(|| {
            warn_of_small_pool(&server.pool, shared.settings.slots, &shared.registry);
            prepare_logs(&shared);
            announce(&shared);
        });
        check_connection(&shared.hosts, shared.settings.lease).await?;
        let ended = spawn_parts(&shared, inboxes).await?;
        self.members.join(&shared);
        span.in_scope(|| tracing::info!(worker = %shared.identity(), "ready"));
        let ended = async move {
            if ended.await.is_err() {
                shared.counts.ends(End::Broken); // its thread panicked, and logged it
                shared.team.end(Phase::Draining);
            }
        };
        Ok(ended.boxed())
    }

    /// Whether the server can be reached and used.
    async fn probe(&self, place: usize) -> Result<(), Error> {
        let (hosts, lease) = (self.hosts(place), self.members.settings.lease);
        let probe = async {
            check_connection(&hosts, lease).await?;
            let mut db = DbConnection::new(hosts.named("usable?"), START);
            db.call(async |connection: &mut PgConnection| refuse_unusable(connection).await).await?;
            db.close().await;
            Ok(())
        };
        let late = || Err(unconfirmed(format!("no answer within {PATIENCE:?}")));
        timeout(PATIENCE, probe).await.unwrap_or_else(|_| late())
    }

    /// Which servers were reached. An error names those that are wrongly set up, or all, where none was
    /// reached.
    fn judge(&self, probes: Vec<Result<(), Error>>) -> Result<Vec<bool>, Error> {
        let reached: Vec<bool> = probes.iter().map(Result::is_ok).collect();
        let is_any_there = reached.contains(&true);
        let failed = probes.into_iter().enumerate().filter_map(|(place, probe)| Some((place, probe.err()?)));
        let mut troubles = Vec::new();
        for (place, error) in failed {
            if is_any_there && is_outage(&error) {
                let server = self.name(place);
                tracing::warn!(server, %error, "this server cannot be reached; it is tried until it is there");
            } else {
                troubles.push((self.name(place), error));
            }
        }
        if troubles.is_empty() { Ok(reached) } else { Err(Error::Servers(troubles)) }
    }

    /// Begins the loops for a server once it can be reached; ends when the worker does.
    fn begin_later(self: Arc<Self>, place: usize) -> Ended {
        if self.members.settings.burst {
            // A burst does not wait for what it cannot see, and says that it left it out.
            self.members.team.seats[place].counts.ends(End::Unfinished);
            self.members.team.left(place);
            return std::future::ready(()).boxed();
        }
        let later = tokio::spawn(async move {
            let stop = &self.members.team.stop;
            let begun = tokio::select! {
                biased;
                () = stop.reached(Phase::Draining) => return,
                begun = self.try_until_it_begins(place) => begun,
            };
            begun.await;
        });
        later.map(|_| ()).boxed()
    }

    async fn try_until_it_begins(&self, place: usize) -> Ended {
        let (server, mut failures) = (self.name(place), 0);
        loop {
            tokio::time::sleep(AGAIN.delay(failures)).await;
            let error = match self.probe(place).await {
                Ok(()) => match self.begin(place).await {
                    Ok(ended) => return ended,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if is_outage(&error) {
                tracing::debug!(server, %error, "this server cannot be reached");
            } else {
                tracing::error!(server, %error, "this server cannot be used; it is tried again");
            }
            failures = (failures + 1).min(20);
        }
    }
}
