//! Jobs published by the functions of schema `jobs`, as any client could.

use std::future::IntoFuture;
use std::ops::RangeInclusive;
use std::pin::Pin;

use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgConnection;

use crate::Db;
use crate::call::Caller;

const ONE_BY_ONE: &str =
    "select (jobs.publish($1, b.body::jsonb, jobs.now() + make_interval(secs => ($3::float8[])[1]),
    ($4::float8[])[1]::numeric, ($5::integer[])[1], ($6::integer[])[1])).job_id::text
  from unnest($2::text[]) with ordinality b(body, nth) order by b.nth";
const PACKED: &str = "select unnest(jobs.publish_arrays(array[$1], $2::text[]::jsonb[], i_scheduled_at => null, i_delays => $3,
    i_timeouts => $4, i_priorities => $5, i_max_retries => $6, i_pack => true))::text";

/// What will be published, at the `.await`, which gives the ids of the jobs.
#[must_use]
pub struct Publish<'a> {
    caller: Caller<'a>,
    sql: &'static str,
    task: &'a str,
    bodies: Vec<String>,
    delay: Option<f64>,
    timeout: Option<f64>,
    priority: Option<i32>,
    max_retries: Option<i32>,
}

impl Db {
    /// Publishes one job.
    pub fn publish<'a>(&'a self, task: &'a str, body: impl Into<Value>) -> Publish<'a> {
        self.publishing(ONE_BY_ONE, task, vec![body.into().to_string()])
    }

    /// Publishes jobs with these numbers as bodies, each in a row of its own.
    pub fn publish_many<'a>(&'a self, task: &'a str, bodies: RangeInclusive<i64>) -> Publish<'a> {
        self.publishing(ONE_BY_ONE, task, bodies.map(|body| body.to_string()).collect())
    }

    /// Publishes jobs with these numbers as bodies in one call that packs them: 64 or more make packed rows.
    pub fn publish_packed<'a>(&'a self, task: &'a str, bodies: RangeInclusive<i64>) -> Publish<'a> {
        self.publishing(PACKED, task, bodies.map(|body| body.to_string()).collect())
    }

    fn publishing<'a>(&'a self, sql: &'static str, task: &'a str, bodies: Vec<String>) -> Publish<'a> {
        let caller = Caller::Pool(&self.pool);
        Publish { caller, sql, task, bodies, delay: None, timeout: None, priority: None, max_retries: None }
    }
}

impl<'a> Publish<'a> {
    /// Due so many seconds from now.
    pub fn delay(mut self, seconds: f64) -> Self {
        self.delay = Some(seconds);
        self
    }

    /// Seconds that a run may take.
    pub fn timeout(mut self, seconds: f64) -> Self {
        self.timeout = Some(seconds);
        self
    }

    /// Other than 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Runs in all.
    pub fn max_retries(mut self, runs: i32) -> Self {
        self.max_retries = Some(runs);
        self
    }

    /// In the transaction of this session.
    pub fn on(mut self, session: &'a mut PgConnection) -> Self {
        self.caller = Caller::Session(session);
        self
    }
}

impl<'a> IntoFuture for Publish<'a> {
    type Output = Vec<String>;
    type IntoFuture = Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let query = sqlx::query(self.sql)
                .bind(self.task)
                .bind(self.bodies)
                .bind(self.delay.map(|seconds| vec![seconds]))
                .bind(self.timeout.map(|seconds| vec![seconds]))
                .bind(self.priority.map(|priority| vec![priority]))
                .bind(self.max_retries.map(|runs| vec![runs]));
            let rows = self.caller.rows(query).await.unwrap_or_else(|error| panic!("publish: {error}"));
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}
