//! The names of the metrics of a process. Those of the database are in `jobs.metrics`
//! (migrations/functions/97_metrics.sql).

pub(crate) const PUBLISHED: &str = "pgjobs_published_total";
pub(crate) const CLAIMED: &str = "pgjobs_claimed_total";
pub(crate) const SETTLED: &str = "pgjobs_settled_total";
pub(crate) const REJECTED: &str = "pgjobs_rejected_total";
pub(crate) const SLO_MISSED: &str = "pgjobs_slo_missed_total";
pub(crate) const LEASES_LOST: &str = "pgjobs_leases_lost_total";
pub(crate) const RUNS_LOST: &str = "pgjobs_runs_lost_total";
pub(crate) const COMMANDS: &str = "pgjobs_commands_total";
pub(crate) const BEATS_MISSED: &str = "pgjobs_beats_missed_total";
pub(crate) const OUTAGES: &str = "pgjobs_outages_total";
pub(crate) const WAIT: &str = "pgjobs_job_wait_seconds";
pub(crate) const RUN: &str = "pgjobs_job_run_seconds";
pub(crate) const END_TO_END: &str = "pgjobs_job_end_to_end_seconds";
pub(crate) const PICKUP: &str = "pgjobs_pickup_seconds";
pub(crate) const CLAIM: &str = "pgjobs_claim_seconds";
pub(crate) const CLAIM_JOBS: &str = "pgjobs_claim_jobs";
pub(crate) const SETTLE: &str = "pgjobs_settle_seconds";
pub(crate) const SETTLE_JOBS: &str = "pgjobs_settle_jobs";
pub(crate) const SLOTS: &str = "pgjobs_worker_slots";
pub(crate) const SLOTS_USED: &str = "pgjobs_worker_slots_used";
pub(crate) const PREFETCHED: &str = "pgjobs_worker_prefetched_jobs";
pub(crate) const UNSETTLED: &str = "pgjobs_worker_unsettled_jobs";

/// What kind of metric it is, and for a histogram what it is a histogram of.
#[cfg(feature = "metrics")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Seconds,
    Jobs,
}

#[cfg(feature = "metrics")]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What it says; not escaped for any format, so without backslashes and line ends.
    pub(crate) text: &'static str,
}

#[cfg(feature = "metrics")]
const fn metric(name: &'static str, kind: Kind, text: &'static str) -> Metric {
    Metric { name, kind, text }
}

/// All of them; docs/src/monitoring.md lists them in the same order.
#[cfg(feature = "metrics")]
pub(crate) const ALL: &[Metric] = &[
    metric(PUBLISHED, Kind::Counter, "jobs sent to the database, by task and by what became of them"),
    metric(CLAIMED, Kind::Counter, "jobs claimed, by task"),
    metric(SETTLED, Kind::Counter, "runs whose outcome the database accepted, by task and outcome"),
    metric(REJECTED, Kind::Counter, "runs whose outcome the database rejected, since their lease was lost"),
    metric(SLO_MISSED, Kind::Counter, "jobs that ended later than the slo of their task allows"),
    metric(LEASES_LOST, Kind::Counter, "times that the database had declared a worker of this process dead"),
    metric(RUNS_LOST, Kind::Counter, "runs that were stopped because their worker had been declared dead"),
    metric(COMMANDS, Kind::Counter, "commands to workers of this process, by kind and outcome"),
    metric(BEATS_MISSED, Kind::Counter, "beats that did not reach the database"),
    metric(OUTAGES, Kind::Counter, "times that the database went away"),
    metric(WAIT, Kind::Seconds, "from when a job was due to the begin of its run"),
    metric(RUN, Kind::Seconds, "from the begin of a run to its end"),
    metric(END_TO_END, Kind::Seconds, "from when a job was first due to its end"),
    metric(
        PICKUP,
        Kind::Seconds,
        "stages of a pick-up: heard (until the claim), claim, slot (until the run)",
    ),
    metric(CLAIM, Kind::Seconds, "the statement that claims"),
    metric(CLAIM_JOBS, Kind::Jobs, "jobs of a claim"),
    metric(SETTLE, Kind::Seconds, "the statement that settles"),
    metric(SETTLE_JOBS, Kind::Jobs, "outcomes of a settle"),
    metric(SLOTS, Kind::Gauge, "slots of the workers of this process"),
    metric(SLOTS_USED, Kind::Gauge, "slots in which a run is under way"),
    metric(PREFETCHED, Kind::Gauge, "jobs claimed and not begun"),
    metric(UNSETTLED, Kind::Gauge, "runs that ended and whose outcome the database does not have yet"),
];
