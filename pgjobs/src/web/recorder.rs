//! The recorder that keeps the metrics of this process for `/metrics`.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::metrics::names;

/// How often what was recorded is summed up, so that memory does not grow while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// From a millisecond to an hour: waits and runs are of any length.
const LONG: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
/// Statements and stages of a pick-up.
const SHORT: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// Jobs of a statement.
const JOBS: &[f64] = &[0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0];

/// Has the metrics of this process kept for `/metrics` from now on, once in a process. Call it before a worker
/// starts: a worker that runs already counts nothing here.
///
/// Returns whether they are: false when the program has installed another recorder of crate `metrics`, which
/// has them then.
///
/// ```
/// assert!(pgjobs::web::record());
/// assert!(pgjobs::web::record(), "again: nothing changes");
/// ```
pub fn record() -> bool {
    recorded().is_some()
}

/// The metrics of this process in the text format of Prometheus; `None`: another recorder has them.
pub(super) fn text() -> Option<String> {
    recorded().map(PrometheusHandle::render)
}

fn recorded() -> Option<&'static PrometheusHandle> {
    HANDLE.get_or_init(install).as_ref()
}

fn install() -> Option<PrometheusHandle> {
    let recorder = builder()?.build_recorder();
    let handle = recorder.handle();
    ::metrics::set_global_recorder(recorder).ok()?;
    crate::metrics::describe();
    let kept = handle.clone();
    // A thread of its own: the runtime of the caller may end.
    let upkeep = std::thread::Builder::new().name("pgjobs metrics".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            kept.run_upkeep();
        }
    });
    if let Err(error) = upkeep {
        tracing::warn!(%error, "metrics are summed up only when somebody asks for them");
    }
    Some(handle)
}

fn builder() -> Option<PrometheusBuilder> {
    let buckets = |builder: PrometheusBuilder, name: &str, buckets| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets).ok()
    };
    let mut builder = PrometheusBuilder::new();
    for name in [names::WAIT, names::RUN, names::END_TO_END] {
        builder = buckets(builder, name, LONG)?;
    }
    for name in [names::PICKUP, names::CLAIM, names::SETTLE] {
        builder = buckets(builder, name, SHORT)?;
    }
    for name in [names::CLAIM_JOBS, names::SETTLE_JOBS] {
        builder = buckets(builder, name, JOBS)?;
    }
    Some(builder)
}
