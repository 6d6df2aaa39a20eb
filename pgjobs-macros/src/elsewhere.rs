//! Options of `#[task]` by the names that they have elsewhere: in Celery, Oban, River, Sidekiq and others.

/// What such an option is called here; each with an example to copy.
const NAMES: &[(&[&str], &str)] = &[
    (
        &["max_retries", "max_attempts", "attempts", "retry", "tries"],
        "`retries = 5` is the number of runs in all",
    ),
    (
        &["queue", "queues", "topic", "routing_key"],
        "tasks are grouped by their names: `name = \"mail.welcome\"`, and `Worker::topic(\"mail.*\")`",
    ),
    (&["time_limit", "soft_time_limit", "timeout_ms", "execution_timeout"], "`timeout = \"30s\"`"),
    (
        &["retry_backoff", "default_retry_delay", "retry_delay", "delay_between"],
        "`backoff = \"exponential(1s, 1h)\"`, `\"linear(5s)\"` or `\"fixed(10s)\"`",
    ),
    (&["rate_limit", "rate", "throttle"], "`limit(rate = \"10/m\")`"),
    (
        &["concurrency", "max_concurrency", "max_running", "concurrency_limit"],
        "`limit(max = 2)` for all workers together",
    ),
    (
        &["unique_for", "unique_by", "unique_opts", "dedupe", "lock", "queueing_lock", "job_key"],
        "`unique(key = user_id, until = \"1h\")`",
    ),
    (
        &["delay", "countdown", "eta", "scheduled_at", "run_at"],
        "it is said at the call: `my_task::publish(…).delay(…)`",
    ),
    (
        &["schedule_cron", "crontab", "interval", "period", "periodic"],
        "`cron = \"0 3 * * *\"` or `every = \"30s\"`",
    ),
    (&["timezone", "tz", "time_zone"], "`zone = \"Europe/Lisbon\"`"),
    (&["tags", "tag", "meta", "metadata"], "it is said at the call: `my_task::publish(…).tag(\"vip\")`"),
    (&["ignore_result", "store_result", "retention"], "`keep = \"none\"` leaves nothing of ended jobs"),
    (&["bind", "state", "context"], "take it as a parameter: `#[inject] job: &Job`"),
];

/// The remedy for an option that is called so elsewhere.
pub(crate) fn remedy(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(names, _)| names.contains(&name)).map(|(_, remedy)| *remedy)
}
