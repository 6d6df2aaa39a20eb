//! Starts a worker: its loops for each of its servers.
//!
//! A server that is wrongly set up fails the start, so that it is noticed. One that cannot be reached does
//! not, as long as another one is there: the worker tries it until it answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{FutureExt, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep_until, timeout};

use super::builder::{Server, Worker};
use super::check::{
    announce, check_connection, prepare_logs, warn_of_empty_topics, warn_of_few_slots, warn_of_small_pool,
};
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
use crate::db::identity;
use crate::db::refusal::is_outage;
use crate::task::layer::AnyLayer;
use crate::task::registry::Registry;
use crate::task::state::State;
use crate::types::backoff::Backoff;
use crate::types::error::Error;
use crate::types::server_name;

/// How long a start waits for one of several servers while another one is there: later it is tried beside the
/// work.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pauses between the attempts to reach it.
const AGAIN: Backoff = Backoff::exponential(Duration::from_millis(200), Duration::from_secs(10));

pub(super) async fn start(worker: Worker) -> Result<WorkerHandle, Error> {
    worker.check()?;
    let registry = worker.registry()?;
    warn_of_few_slots(worker.concurrency, &registry);
    warn_of_empty_topics(&worker.topics, &registry);
    let plan = Arc::new(Plan::new(worker, registry));
    // Whoever drops this start, or an error, ends what has begun.
    let mut unfinished = Unfinished(Some(plan.members.clone()));
    let ended = match plan.members.team.is_alone() {
        true => vec![plan.begin(0).await?],
        false => begin_several(&plan).await?,
    };
    unfinished.0 = None;
    Ok(WorkerHandle::new(plan.members.clone(), ended))
}

async fn begin_several(plan: &Arc<Plan>) -> Result<Vec<Ended>, Error> {
    let reached = plan.judge(plan.probe_all().await)?;
    let begun = join_all(reached.into_iter().enumerate().map(async |(place, reached)| match reached {
        true => Some(timeout(PATIENCE, plan.begin(place)).await.unwrap_or_else(|_| Err(late()))),
        false => None,
    }));
    let (mut ended, mut troubles) = (Vec::new(), Vec::new());
    for (place, begun) in begun.await.into_iter().enumerate() {
        match begun {
            Some(Ok(one)) => ended.push(one),
            Some(Err(error)) if !may_pass(&error) => troubles.push((plan.name(place), error)),
            Some(Err(_)) | None => ended.push(plan.clone().begin_later(place)),
        }
    }
    if !troubles.is_empty() {
        plan.members.team.end(Phase::HandingBack);
        join_all(ended).await;
        return Err(Error::Servers(troubles));
    }
    Ok(ended)
}

fn late() -> Error {
    unconfirmed(format!("no answer within {PATIENCE:?}"))
}

/// Whether a server may be usable later, as it is: it is away, or other sessions have all its connections.
fn may_pass(error: &Error) -> bool {
    is_outage(error) || matches!(error, Error::TooFewConnections { .. })
}

/// Which database was found, where it says so.
type Probe = Result<Option<String>, Error>;

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
    /// Those of each server: whatever finds its primary, all of its attempts know.
    hosts: Vec<Hosts>,
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
        let hosts = |server: &Server| Hosts::among(server.pool.clone(), server.hosts.iter().cloned());
        Plan {
            hosts: worker.servers.iter().map(hosts).collect(),
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

    /// Begins the loops for a server; returns their end.
    async fn begin(&self, place: usize) -> Result<Ended, Error> {
        let (settings, team) = (self.members.settings.clone(), self.members.team.clone());
        let server = &self.servers[place];
        let mut state = self.state.clone();
        if place > 0 {
            state.insert(server.pool.clone()); // a task works where its job lies
        }
        let (registry, layers) = (self.registry.clone(), self.layers.clone());
        let hosts = self.hosts[place].clone();
        let (shared, inboxes) = Shared::new(hosts, settings, registry, state, layers, (team, place));
        let span = shared.span();
        span.in_scope(|| {
            warn_of_small_pool(&server.pool, shared.settings.slots, &shared.registry);
            prepare_logs(&shared);
            announce(&shared);
        });
        check_connection(&shared.hosts, shared.settings.lease, START).await?;
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

    /// Asks all servers whether they can be used. Once one has answered, the others are waited for no longer
    /// than [`PATIENCE`].
    async fn probe_all(&self) -> Vec<Probe> {
        let mut found: Vec<_> = self.servers.iter().map(|_| Err(late())).collect();
        let places = 0..self.servers.len();
        let mut probes: FuturesUnordered<_> =
            places.map(async |place| (place, self.probe(place, self.at_start(place)).await)).collect();
        let late = Instant::now() + PATIENCE;
        loop {
            let is_any_there = found.iter().any(Result::is_ok);
            tokio::select! {
                answer = probes.next() => match answer {
                    Some((place, probe)) => found[place] = probe,
                    None => return found,
                },
                () = sleep_until(late), if is_any_there => return found,
            }
        }
    }

    /// How long a start waits for each host of a server. Of several, one that swallows what is sent must not
    /// keep the next one from being asked.
    fn at_start(&self, place: usize) -> Duration {
        let hosts = &self.hosts[place];
        if hosts.are_several() { hosts.patience() } else { START }
    }

    /// Whether the server can be reached and used; waits so long for each of its hosts.
    async fn probe(&self, place: usize, deadline: Duration) -> Probe {
        let hosts = &self.hosts[place];
        check_connection(hosts, self.members.settings.lease, deadline).await?;
        let mut db = DbConnection::new(hosts.named("usable?"), deadline);
        let look = async |connection: &mut PgConnection| {
            refuse_unusable(connection).await?;
            Ok(identity::of_instance(connection).await)
        };
        let which = db.call(look).await?;
        db.close().await;
        Ok(which)
    }

    /// Which servers were reached. An error names those that are wrongly set up, or all, where none was
    /// reached.
    fn judge(&self, probes: Vec<Probe>) -> Result<Vec<bool>, Error> {
        self.refuse_twins(&probes)?;
        let reached: Vec<bool> = probes.iter().map(Result::is_ok).collect();
        let is_any_there = reached.contains(&true);
        let failed = probes.into_iter().enumerate().filter_map(|(place, probe)| Some((place, probe.err()?)));
        let mut troubles = Vec::new();
        for (place, error) in failed {
            if is_any_there && may_pass(&error) {
                let server = self.name(place);
                tracing::warn!(server, %error, "this server cannot be reached; it is tried until it is there");
            } else {
                troubles.push((self.name(place), error));
            }
        }
        if troubles.is_empty() { Ok(reached) } else { Err(Error::Servers(troubles)) }
    }

    /// Refuses two addresses of one database.
    fn refuse_twins(&self, probes: &[Probe]) -> Result<(), Error> {
        let which = |at: usize| probes[at].as_ref().ok().and_then(Option::as_ref);
        let twins = (1..probes.len()).flat_map(|at| (0..at).map(move |before| (before, at)));
        match twins.into_iter().find(|&(one, other)| which(one).is_some() && which(one) == which(other)) {
            Some((one, other)) => Err(server_name::same_database(&self.name(one), &self.name(other))),
            None => Ok(()),
        }
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
        let (server, mut failures, mut last) = (self.name(place), 0, String::new());
        loop {
            tokio::time::sleep(AGAIN.delay(failures)).await;
            let probed = self.probe(place, START).await;
            let error = match probed.map(|_| self.begin(place)) {
                Ok(begins) => match begins.await {
                    Ok(ended) => return ended,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // Once each, not each time.
            let before = std::mem::replace(&mut last, error.to_string());
            if last != before && !may_pass(&error) {
                tracing::error!(server, %error, "this server cannot be used; it is tried again");
            } else {
                tracing::debug!(server, %error, "this server cannot be reached");
            }
            failures = (failures + 1).min(20);
        }
    }
}
