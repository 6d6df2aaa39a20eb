//! What a claim asks for, and what it took.

use std::future::IntoFuture;
use std::pin::Pin;

use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::types::{Json, Uuid};

use crate::Db;
use crate::call::Caller;
use crate::worker::new_key;

const CLAIM: &str = "select part, unseen, next, started, to_jsonb(jobs)
  from jobs.claim(i_worker => $1, i_tasks => $2, i_num => $3, i_lease => $4, i_margin => 5, i_own_batch => $5,
    i_watermark_tasks => $6, i_watermark_priorities => $7, i_watermarks => $8, i_ahead => $9, i_sleep_seconds => $10)";

/// A claim of a [`ManualWorker`](crate::ManualWorker), made at the `.await`.
#[must_use]
pub struct Claim<'a> {
    caller: Caller<'a>,
    worker: Uuid,
    tasks: Vec<String>,
    num: i32,
    lease: Uuid,
    ahead: i32,
    sleep: Option<f64>,
    own_batch: Vec<String>,
    watermark_tasks: Vec<String>,
    watermark_priorities: Vec<i32>,
    watermarks: Vec<i64>,
}

impl<'a> Claim<'a> {
    pub(crate) fn new(db: &'a Db, worker: Uuid, tasks: Vec<String>, num: i32) -> Self {
        let (caller, lease) = (Caller::Pool(&db.pool), new_key());
        Claim {
            caller,
            worker,
            tasks,
            num,
            lease,
            ahead: 0,
            sleep: None,
            own_batch: Vec::new(),
            watermark_tasks: Vec::new(),
            watermark_priorities: Vec::new(),
            watermarks: Vec::new(),
        }
    }

    /// Of these tasks alone.
    pub fn tasks(mut self, tasks: &[&str]) -> Self {
        self.tasks = tasks.iter().map(|&task| task.to_owned()).collect();
        self
    }

    /// Under this lease, where a test uses one twice.
    pub fn lease(mut self, lease: Uuid) -> Self {
        self.lease = lease;
        self
    }

    /// As many as this are prefetched: they do not begin with the claim.
    pub fn ahead(mut self, num: i32) -> Self {
        self.ahead = num;
        self
    }

    /// As an idle worker claims, which sleeps when it gets nothing.
    pub fn idle(mut self) -> Self {
        self.sleep = Some(1.0);
        self
    }

    /// Jobs of these tasks have a batch each.
    pub fn own_batch(mut self, tasks: &[&str]) -> Self {
        self.own_batch = tasks.iter().map(|&task| task.to_owned()).collect();
        self
    }

    /// Reads this task and priority from here on.
    pub fn watermark(mut self, task: &str, priority: i32, ready_seq: i64) -> Self {
        self.watermark_tasks.push(task.to_owned());
        self.watermark_priorities.push(priority);
        self.watermarks.push(ready_seq);
        self
    }

    /// In the transaction of this session.
    pub fn on(mut self, session: &'a mut PgConnection) -> Self {
        self.caller = Caller::Session(session);
        self
    }

    /// The SQLSTATE with which it is refused.
    pub async fn refusal(self) -> String {
        let error = self.rows().await.expect_err("the claim was not refused");
        error.as_database_error().and_then(|error| error.code()).expect("a code").into_owned()
    }

    async fn rows(self) -> Result<Vec<PgRow>, sqlx::Error> {
        let query = sqlx::query(CLAIM)
            .bind(self.worker)
            .bind(self.tasks)
            .bind(self.num)
            .bind(self.lease)
            .bind((!self.own_batch.is_empty()).then_some(self.own_batch))
            .bind(self.watermark_tasks)
            .bind(self.watermark_priorities)
            .bind(self.watermarks)
            .bind(self.ahead)
            .bind(self.sleep);
        self.caller.rows(query).await
    }
}

impl<'a> IntoFuture for Claim<'a> {
    type Output = Claimed;
    type IntoFuture = Pin<Box<dyn Future<Output = Claimed> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        let lease = self.lease;
        Box::pin(async move {
            let rows = self.rows().await.unwrap_or_else(|error| panic!("claim: {error}"));
            Claimed::read(lease, &rows)
        })
    }
}

/// What a claim took.
#[derive(Debug)]
pub struct Claimed {
    /// The key of the claim.
    pub lease: Uuid,
    /// In the order in which a worker begins them, without those of batches that are fetched later.
    pub jobs: Vec<ClaimedJob>,
    /// The batches, as the claim returned them.
    pub batches: Vec<Batch>,
    /// The oldest transaction that the claim could not see, and the next one that will begin.
    pub horizon: Option<(i64, i64)>,
}

/// A batch that a claim made.
#[derive(Debug)]
pub struct Batch {
    /// Which of the claim; below 0 for an own batch.
    pub part: i32,
    /// How many of its jobs began with the claim.
    pub started: u32,
    /// How many jobs the answer has of it; none where they are fetched later.
    pub sent: Option<usize>,
}

/// A job that was claimed or consumed.
#[derive(Clone, Debug, Deserialize)]
pub struct ClaimedJob {
    /// Its number.
    pub id: i64,
    /// Its id.
    pub job_id: String,
    /// Its task.
    pub task: String,
    /// Its arguments.
    pub body: Value,
    /// Greater first.
    pub priority: i32,
    /// Which run this is.
    pub attempt: i32,
    #[serde(default)]
    ready_seq: Option<i64>,
    /// The key of its claim.
    #[serde(default)]
    pub lease: Uuid,
    /// Its position within the lease; none for a job that was consumed.
    #[serde(default)]
    pub batch_index: Option<i32>,
}

impl Claimed {
    fn read(lease: Uuid, rows: &[PgRow]) -> Self {
        let (mut jobs, mut batches, mut horizon) = (Vec::new(), Vec::new(), None);
        for row in rows {
            let Some(part) = row.get::<Option<i32>, _>(0) else { continue }; // says when to claim again
            let started: i64 = row.get(3);
            horizon = row.get::<Option<i64>, _>(1).zip(row.get(2));
            let sent: Option<Json<Vec<ClaimedJob>>> = row.get(4);
            batches.push(Batch {
                part,
                started: started.count_ones(),
                sent: sent.as_ref().map(|jobs| jobs.len()),
            });
            for (nth, job) in (0..).zip(sent.into_iter().flat_map(|jobs| jobs.0)) {
                jobs.push(ClaimedJob { lease, batch_index: Some(part * 64 + nth), ..job });
            }
        }
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.ready_seq));
        Claimed { lease, jobs, batches, horizon }
    }

    /// How many jobs.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there was nothing to take.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The bodies, which are numbers, in the order of the jobs.
    pub fn bodies(&self) -> Vec<i64> {
        self.jobs.iter().map(|job| job.body.as_i64().expect("a number")).collect()
    }

    /// The numbers of the jobs, in their order.
    pub fn ids(&self) -> Vec<i64> {
        self.jobs.iter().map(|job| job.id).collect()
    }

    /// The jobs of one batch.
    pub fn jobs_of(&self, part: i32) -> impl Iterator<Item = &ClaimedJob> {
        self.jobs.iter().filter(move |job| job.batch_index.is_some_and(|index| index >> 6 == part))
    }

    /// How many jobs began with the claim.
    pub fn started(&self) -> u32 {
        self.batches.iter().map(|batch| batch.started).sum()
    }
}

impl Db {
    /// Consumes up to so many jobs of every task, as a plain client, in the order of the answer.
    pub async fn consume(&self, num: i32) -> Vec<ClaimedJob> {
        let jobs = "select to_jsonb(c) from jobs.consume($1) c";
        let jobs: Vec<Json<ClaimedJob>> =
            sqlx::query_scalar(jobs).bind(num).fetch_all(&self.pool).await.expect("consume");
        jobs.into_iter().map(|job| job.0).collect()
    }
}
