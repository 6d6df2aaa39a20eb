//! How runs end, by `jobs.settle`, and what is stored then.

use std::future::IntoFuture;
use std::pin::Pin;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::types::Uuid;

use crate::call::Caller;
use crate::{ClaimedJob, Db};

const SETTLE: &str = "select reason from jobs.settle(i_job_ids => $1, i_leases => $2,
    i_outcomes => array_fill($3::text, array[cardinality($1)]), i_batch_indexes => $4) order by at";

/// Reports one outcome of some runs, at the `.await`, which gives the reasons of those that were rejected.
#[must_use]
pub struct Settle<'a> {
    caller: Caller<'a>,
    outcome: &'a str,
    runs: Vec<ClaimedJob>,
}

impl Db {
    /// Reports this outcome of these runs.
    pub fn settle<'a, 'j>(
        &'a self,
        outcome: &'a str,
        runs: impl IntoIterator<Item = &'j ClaimedJob>,
    ) -> Settle<'a> {
        Settle { caller: Caller::Pool(&self.pool), outcome, runs: runs.into_iter().cloned().collect() }
    }

    /// How many jobs are in this state.
    pub async fn count(&self, state: &str) -> i64 {
        self.one(&format!("select count(*) from jobs.\"all\" where status = '{state}'")).await
    }

    /// How many rows the pending jobs take: a packed row has many.
    pub async fn pending_rows(&self) -> i64 {
        self.one("select count(*) from jobs.pending").await
    }
}

impl<'a> Settle<'a> {
    /// In the transaction of this session.
    pub fn on(mut self, session: &'a mut PgConnection) -> Self {
        self.caller = Caller::Session(session);
        self
    }
}

impl<'a> IntoFuture for Settle<'a> {
    type Output = Vec<String>;
    type IntoFuture = Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let ids: Vec<&str> = self.runs.iter().map(|run| run.job_id.as_str()).collect();
            let leases: Vec<Uuid> = self.runs.iter().map(|run| run.lease).collect();
            let batch_indexes: Option<Vec<i32>> = self.runs.iter().map(|run| run.batch_index).collect();
            let query = sqlx::query(SETTLE).bind(ids).bind(leases).bind(self.outcome).bind(batch_indexes);
            let rows = self.caller.rows(query).await.unwrap_or_else(|error| panic!("settle: {error}"));
            rows.iter().map(|row| row.get(0)).collect()
        })
    }
}
