//! What a worker serves over HTTP beside its work: `--metrics`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use clap::Args;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::args::values;
use crate::cli::database::places::{Opened, Place};
use crate::cli::database::target::Target;
use crate::cli::database::{connect, reader, standby};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::{Worker, WorkerHandle, WorkerHealth, WorkerReport, web};

/// Connections for probes and metrics, beside those of the worker and its tasks: a pool that tasks use up must
/// not make the worker seem ill.
const CONNECTIONS: u32 = 2;
/// So long a start waits to learn which host of a standby answers.
const SOON: Duration = Duration::from_secs(2);

#[derive(Args, Default)]
pub(crate) struct Serving {
    /// Serve Prometheus at /metrics and /metrics/database, and probes at /healthz and /readyz, over HTTP at this
    /// address, such as 127.0.0.1:9000.
    #[arg(long, value_name = "ADDRESS", value_parser = values::address)]
    metrics: Option<SocketAddr>,
    /// Let --metrics take an address that other machines reach: there is no login, and names of tasks are shown.
    #[arg(long, requires = "metrics")]
    metrics_allow_remote: bool,
}

/// The address, taken, and what is served there.
pub(crate) struct Served {
    listener: TcpListener,
    places: Vec<Place>,
    /// From which /metrics/database reads, if that is not the database itself.
    standby: Option<PgPool>,
}

impl Serving {
    /// Takes the address, before the worker starts; `None` when nothing is to be served. Metrics are kept from
    /// here on.
    pub(crate) async fn begin(
        self,
        places: Vec<Place>,
        standby: Option<Target>,
        console: &Console,
    ) -> Result<Option<Served>, Failure> {
        let Some(address) = self.metrics else { return Ok(None) };
        if !address.ip().is_loopback() && !self.metrics_allow_remote {
            return Err(Failure::usage(format!(
                "--metrics {address} is an address that other machines reach, and there is no login: take one such \
                 as 127.0.0.1:{}, or add --metrics-allow-remote where the network keeps strangers away",
                address.port()
            )));
        }
        if !web::record() {
            return Err(Failure::failed(
                "--metrics: this program has installed a recorder of metrics itself, which has the metrics of its \
                 worker: serve them from there, or leave that recorder out",
            ));
        }
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| Failure::failed(format!("--metrics {address} cannot be served: {error}")))?;
        if let Ok(address) = listener.local_addr() {
            console.note(format!("metrics at http://{address}/metrics, health at /healthz and /readyz"));
        }
        let standby = match standby {
            Some(standby) => Some(pool_of_standby(standby).await),
            None => None,
        };
        Ok(Some(Served { listener, places, standby }))
    }

    /// The standby from which /metrics/database is to be read, which is that of one database.
    pub(crate) async fn standby(
        &self,
        from: &ReadFrom,
        global: &Global,
        places: &[Opened],
    ) -> Result<Option<Target>, Failure> {
        if self.metrics.is_none() {
            return match from.read_dsn {
                Some(_) => Err(Failure::usage(
                    "--read-dsn says from where --metrics reads: add --metrics, or leave it out",
                )),
                None => Ok(None),
            };
        }
        if places.len() > 1 && from.read_dsn.is_none() {
            if standby::is_named(from) {
                tracing::warn!(
                    "{} is not read: the metrics of several servers are read from each itself",
                    standby::VARIABLE
                );
            }
            return Ok(None);
        }
        standby::chosen(from, global).await
    }
}

/// A pool on the standby. A worker starts also while it is away: the jobs are on the primary.
async fn pool_of_standby(target: Target) -> PgPool {
    match timeout(SOON, reader::pool(target.clone(), CONNECTIONS)).await {
        Ok(Ok((_, pool))) => return pool,
        Ok(Err(failure)) => {
            tracing::warn!("/metrics/database fails until the standby is there: {}", failure.message())
        }
        Err(_) => tracing::warn!("/metrics/database fails until the standby answers: {}", target.describe()),
    }
    reader::read_only(target, CONNECTIONS)
}

impl Served {
    /// Serves until the program ends.
    pub(crate) fn serve(self, worker: WorkerHealth) {
        let router = router(&self.places, self.standby, worker);
        tokio::spawn(async move {
            if let Err(error) = axum::serve(self.listener, router).await {
                tracing::error!(%error, "metrics and health are not served any more");
            }
        });
    }
}

/// `standby` is read in place of the one database.
fn router(places: &[Place], standby: Option<PgPool>, worker: WorkerHealth) -> Router {
    let pools = places.iter().map(|place| {
        let pool = connect::pool_on(&place.target, CONNECTIONS);
        (place.name.clone().unwrap_or_default(), pool)
    });
    let mut pools: Vec<(String, PgPool)> = pools.collect();
    match pools.len() {
        1 => {
            let (_, pool) = pools.swap_remove(0);
            web::metrics(standby.unwrap_or_else(|| pool.clone())).merge(web::health(pool, Some(worker)))
        }
        _ => web::metrics_of_servers(pools.clone()).merge(web::health_of_servers(pools, Some(worker))),
    }
}

/// Runs a worker to its end, and meanwhile serves what there is to serve.
pub(crate) async fn run(worker: Worker, served: Option<Served>) -> Result<WorkerReport, Failure> {
    let serve = |handle: &WorkerHandle| {
        if let Some(served) = served {
            served.serve(handle.health());
        }
    };
    Ok(worker.run_watched(serve).await?)
}
