//! What a task may ask about its job.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Job, Tick};
use crate::types::job_id::JobId;
use crate::types::meta::TAGS;

impl Job {
    /// The job's id, the same for all its attempts.
    pub fn id(&self) -> &JobId {
        &self.claimed.id
    }

    /// The task name it was published under (an alias, if that is what the publisher used).
    pub fn task(&self) -> &str {
        &self.claimed.task
    }

    /// The number of this attempt, from 1; it grows with every attempt, counted or not, so that it can fence
    /// writes to systems outside the database.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// // A row that an older attempt wrote late does not replace what a newer one wrote.
    /// let sql = "update export set rows = $1, attempt = $2 where id = $3 and attempt < $2";
    /// let fence = job.attempt();
    /// # }
    /// ```
    pub fn attempt(&self) -> i32 {
        self.claimed.attempt
    }

    /// How many runs have failed so far; [`max_retries`](Job::max_retries) minus this is the number of runs
    /// left.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// println!("{} runs are left", job.max_retries() - job.retries());
    /// # }
    /// ```
    pub fn retries(&self) -> i32 {
        self.claimed.retries
    }

    /// The maximum number of runs before the job ends as failed: 3 means at most three.
    pub fn max_retries(&self) -> i32 {
        self.claimed.max_retries
    }

    /// Whether a failure of this run ends the job as failed.
    ///
    /// ```
    /// # mod hidden {
    /// use pgjobs::{Job, TaskError, task};
    ///
    /// #[task(retries = 5)]
    /// async fn charge(#[inject] job: &Job, order: i64) -> Result<(), TaskError> {
    ///     let failed = TaskError::new("the bank does not answer");
    ///     if job.is_last_run() {
    ///         println!("order {order} is not paid: tell somebody");
    ///     }
    ///     Err(failed)
    /// }
    /// # }
    /// ```
    pub fn is_last_run(&self) -> bool {
        self.claimed.retries.saturating_add(1) >= self.claimed.max_retries
    }

    /// Jobs with a greater priority run first.
    pub fn priority(&self) -> i32 {
        self.claimed.priority
    }

    /// The time limit of this run.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// // Whatever this run asks of others has to answer before its own time is over.
    /// let patience = job.timeout() / 2;
    /// # }
    /// ```
    pub fn timeout(&self) -> Duration {
        self.claimed.timeout
    }

    /// The body as stored: `{"args": [...], "kwargs": {...}}`, or `None`.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// println!("{} with {} bytes of arguments", job.task(), job.body().map_or(0, str::len));
    /// # }
    /// ```
    pub fn body(&self) -> Option<&str> {
        self.claimed.body.as_deref()
    }

    /// A note of its publisher (`.meta(key, value)`); `None` when there is none under this key.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// let tenant = job.meta("tenant").and_then(|tenant| tenant.as_i64());
    /// # }
    /// ```
    pub fn meta(&self, key: &str) -> Option<Value> {
        let meta: Map<String, Value> = serde_json::from_str(self.claimed.meta.as_deref()?).ok()?;
        meta.get(key).cloned()
    }

    /// The tick of the schedule that published it; `None` for a job that was published otherwise.
    ///
    /// ```
    /// use pgjobs::{Job, task};
    ///
    /// #[task(cron = "0 3 * * *", zone = "Europe/Berlin")]
    /// async fn report(#[inject] job: &Job) {
    ///     // The night that it reports on, also when it runs late.
    ///     let night = job.tick().map(|tick| tick.at);
    /// }
    /// ```
    pub fn tick(&self) -> Option<Tick> {
        serde_json::from_value(self.meta("tick")?).ok()
    }

    /// The first job of the chain, when this one was published by a re-drive of a failed one
    /// ([`admin::redrive`](crate::admin::redrive)); `None` otherwise.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// if let Some(first) = job.origin() {
    ///     println!("{} is done anew as {}", first, job.id());
    /// }
    /// # }
    /// ```
    pub fn origin(&self) -> Option<JobId> {
        let redrive = self.meta("redrive")?;
        Some(JobId::from_database(redrive.get("origin")?.as_str()?.to_owned()))
    }

    /// A text that is the same for all attempts of this job and for all re-drives of it, and of no other job:
    /// give it to a service that takes such keys, and the service does twice what it is asked twice only
    /// once.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// let header = ("Idempotency-Key", job.idempotency_key());
    /// # }
    /// ```
    pub fn idempotency_key(&self) -> String {
        self.origin().as_ref().unwrap_or(self.id()).to_string()
    }

    /// The tags of its publisher (`.tag(tag)`).
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// let is_urgent = job.tags().iter().any(|tag| tag == "vip");
    /// # }
    /// ```
    pub fn tags(&self) -> Vec<String> {
        self.meta(TAGS).and_then(|tags| serde_json::from_value(tags).ok()).unwrap_or_default()
    }
}
