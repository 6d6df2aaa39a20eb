//! The results of a group, read in pages.

use std::fmt;
use std::marker::PhantomData;

use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::db::workflow::{self as db, ResultRow};
use crate::types::body::read_result;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow::NodeFailure;

/// How many results are read at a time.
const PAGE: i32 = 1000;

/// The results of a [`Group`](super::Group), which are read in pages: for groups of thousands of jobs, or
/// with results that are too large together to be one argument.
///
/// As an argument it takes up a few bytes, whatever the size of the group:
///
/// ```no_run
/// use pgjobs::{TaskError, sqlx::PgPool, task, workflow::{Flow, Results}};
/// # use futures_util::TryStreamExt;
///
/// #[task]
/// async fn count(line: String) -> Result<u64, TaskError> { Ok(line.len() as u64) }
///
/// #[task]
/// async fn sum(#[inject] pool: &PgPool, #[from] counts: Results<u64>) -> Result<u64, TaskError> {
///     let (mut results, mut sum) = (counts.stream(pool), 0);
///     while let Some(job) = results.try_next().await? {
///         sum += job.result?;
///     }
///     Ok(sum)
/// }
///
/// let mut flow = Flow::new("sum");
/// let counts = flow.group("count", ["a", "b"].map(|line| count::new(line.to_owned())));
/// flow.then("sum", counts, sum::after());
/// ```
///
/// It is also what [`WorkflowHandle::results`](super::WorkflowHandle::results) returns. Results stay as long
/// as the workflow does, also where the task keeps no history of its jobs.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Results<T> {
    workflow: i64,
    node: String,
    #[serde(skip)]
    result: PhantomData<fn() -> T>,
}

/// How a job of a group ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JobResult<T> {
    /// Its position in the group, from 0.
    pub nth: usize,
    /// The job; none for one that never became a job.
    pub job_id: Option<JobId>,
    /// Its result, or why it has none.
    pub result: Result<T, NodeFailure>,
}

impl<T> Results<T> {
    /// The results of this node of a workflow.
    pub fn new(workflow: i64, node: impl Into<String>) -> Self {
        Results { workflow, node: node.into(), result: PhantomData }
    }

    /// The id of the workflow.
    pub fn workflow(&self) -> i64 {
        self.workflow
    }

    /// The name of the node.
    pub fn node(&self) -> &str {
        &self.node
    }
}

impl<T: DeserializeOwned> Results<T> {
    /// The results after this position (`None`: from the first), at most `limit`, in the order of the group.
    /// Of a group that runs, those of the jobs that have ended: there may be gaps.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT404` for an unknown workflow or node, [`Error::Body`] for a result that is
    /// no
    /// `T`, [`Error::Database`] when the query fails.
    pub async fn page(
        &self,
        pool: &PgPool,
        after: Option<usize>,
        limit: usize,
    ) -> Result<Vec<JobResult<T>>, Error> {
        let after = after.map_or(-1, |after| i32::try_from(after).unwrap_or(i32::MAX));
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows = db::results(&mut *pool.acquire().await?, self.workflow, &self.node, after, limit).await?;
        rows.into_iter().map(ended).collect()
    }

    /// All results in the order of the group, read in pages of 1,000 while they are taken. To know that all
    /// jobs have ended, [`wait`](super::WorkflowHandle::wait) first; a task that gets it as its argument runs
    /// after that.
    ///
    /// # Errors
    /// The items are errors as those of [`page`](Results::page); after one the stream ends.
    pub fn stream(
        &self,
        pool: &PgPool,
    ) -> impl Stream<Item = Result<JobResult<T>, Error>> + Send + Unpin + use<T>
    where
        T: Send + 'static,
    {
        let start = (Results::<T>::new(self.workflow, self.node.clone()), pool.clone(), Some(-1));
        let pages = stream::try_unfold(start, |(results, pool, after)| async move {
            let Some(after) = after else { return Ok::<_, Error>(None) };
            let rows = db::results(&mut *pool.acquire().await?, results.workflow, &results.node, after, PAGE)
                .await?;
            let next = rows.last().map(|row| row.nth);
            let page = rows.into_iter().map(ended).collect::<Result<Vec<_>, Error>>()?;
            Ok(Some((stream::iter(page.into_iter().map(Ok)), (results, pool, next))))
        });
        pages.try_flatten().boxed()
    }

    /// The results of all jobs, in the order of the group.
    ///
    /// # Errors
    /// As [`page`](Results::page).
    pub async fn all(&self, pool: &PgPool) -> Result<Vec<Result<T, NodeFailure>>, Error>
    where
        T: Send + 'static,
    {
        self.stream(pool).map_ok(|job| job.result).try_collect().await
    }
}

fn ended<T: DeserializeOwned>(row: ResultRow) -> Result<JobResult<T>, Error> {
    let result = match row.error {
        Some(error) => Err(NodeFailure { job_id: row.job_id.clone(), error, state: row.state }),
        None => Ok(read_result(row.result.as_deref().unwrap_or("null"))?),
    };
    Ok(JobResult { nth: usize::try_from(row.nth).unwrap_or_default(), job_id: row.job_id, result })
}

impl<T> JsonSchema for Results<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Results".into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        "pgjobs::workflow::Results".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "The results of a group of jobs of a workflow: read them with jobs.node_results(workflow, node).",
            "properties": {"workflow": {"type": "integer", "format": "int64"}, "node": {"type": "string"}},
            "required": ["workflow", "node"]
        })
    }
}

impl<T> Clone for Results<T> {
    fn clone(&self) -> Self {
        Results::new(self.workflow, self.node.clone())
    }
}

impl<T> fmt::Debug for Results<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("workflow", &self.workflow).field("node", &self.node).finish()
    }
}
