//! Handles of published workflows and of their nodes.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::{PgExecutor, PgPool};

use super::node::{Group, Returns};
use super::results::Results;
use crate::db::explain::Reason;
use crate::db::workflow::{self as db, WorkflowStanding};
use crate::db::workflow_read::{NodeRow, WorkflowRow};
use crate::publish::{Stand, Subject, until_ended};
use crate::types::body::read_result;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::workflow::{NodeState, WorkflowState};
use crate::types::workflow_error::WorkflowError;

/// A published workflow with the result `R`.
///
/// The id can be stored and turned back into a handle with [`WorkflowHandle::new`].
///
/// ```no_run
/// use pgjobs::{TaskError, task, workflow::{Flow, WorkflowHandle}};
/// #[task] async fn fetch(url: String) -> Result<String, TaskError> { Ok(url) }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let mut flow = Flow::new("fetch");
/// let page = flow.node("fetch", fetch::new("https://example.org".to_owned()));
/// let run = flow.publish(&pool).await?;
/// let page: String = run.result(&page).wait(&pool).await?;
///
/// let again = WorkflowHandle::<String>::new(run.id());
/// assert_eq!(again.wait(&pool).await?, page);
/// # Ok(()) }
/// ```
pub struct WorkflowHandle<R = serde_json::Value> {
    id: i64,
    result: PhantomData<fn() -> R>,
}

impl<R> WorkflowHandle<R> {
    /// The handle of a workflow whose result is known to be an `R`.
    pub fn new(id: i64) -> Self {
        WorkflowHandle { id, result: PhantomData }
    }

    /// Its id.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// A node of it, to wait for its result: of a [`Node<T>`](super::Node) a `T`, of a [`Group<T>`](Group) a
    /// `Vec<T>`.
    pub fn result<N: Returns>(&self, node: N) -> NodeHandle<N::Value> {
        self.node(node.draft().lock().name.clone())
    }

    /// The results of a group, those of failed jobs included, to be read in pages.
    pub fn results<T>(&self, group: &Group<T>) -> Results<T> {
        Results::new(self.id, group.name())
    }

    /// A node of this name, which is known to return a `T`.
    pub fn node<T>(&self, name: impl Into<String>) -> NodeHandle<T> {
        NodeHandle { workflow: self.id, name: name.into(), result: PhantomData }
    }

    /// How it is.
    ///
    /// # Errors
    /// [`WorkflowError::Unknown`] when there is no such workflow, or no longer.
    pub async fn fetch(&self, pool: &PgPool) -> Result<WorkflowRow, Error> {
        db::get(&mut *pool.acquire().await?, self.id).await
    }

    /// Its state.
    ///
    /// # Errors
    /// As [`fetch`](WorkflowHandle::fetch).
    pub async fn state(&self, pool: &PgPool) -> Result<WorkflowState, Error> {
        Ok(self.fetch(pool).await?.state)
    }

    /// How its nodes are, in the order in which they were defined.
    ///
    /// # Errors
    /// As [`fetch`](WorkflowHandle::fetch).
    pub async fn nodes(&self, pool: &PgPool) -> Result<Vec<NodeRow>, Error> {
        db::nodes(&mut *pool.acquire().await?, self.id).await
    }

    /// Why it has not ended, or how it did.
    ///
    /// # Errors
    /// [`WorkflowError::Unknown`] when there is no such workflow, or no longer.
    pub async fn explain(&self, pool: &PgPool) -> Result<Vec<Reason>, Error> {
        db::explain(&mut *pool.acquire().await?, self.id, None).await
    }

    /// Cancels what waits and what runs, for this reason; runs are told to stop within 5 s. Returns the
    /// number of nodes cancelled: none when it has ended.
    ///
    /// # Errors
    /// [`WorkflowError::Unknown`] when there is no such workflow, [`Error::Database`] when the database user
    /// lacks the role `jobs_admin`.
    pub async fn cancel(&self, database: impl PgExecutor<'_>, reason: &str) -> Result<u64, Error> {
        let cancelled = db::cancel(database, self.id, None, reason).await?;
        Ok(u64::try_from(cancelled).unwrap_or_default())
    }

    /// Runs its failed jobs again; what was cancelled or skipped because of them waits again. Returns these
    /// jobs.
    ///
    /// # Errors
    /// As [`cancel`](WorkflowHandle::cancel).
    pub async fn retry(&self, database: impl PgExecutor<'_>) -> Result<Vec<JobId>, Error> {
        db::retry(database, self.id).await
    }

    /// Waits until it has ended, however, and returns how.
    ///
    /// # Errors
    /// As [`wait`](WorkflowHandle::wait), except that a failure is none.
    pub async fn wait_ended(&self, pool: &PgPool) -> Result<WorkflowState, Error> {
        Ok(stands(pool, self.id, None, None).await?.state)
    }
}

impl<R: DeserializeOwned> WorkflowHandle<R> {
    /// Waits until it has ended, and returns its result. It waits as
    /// [`JobHandle::wait`](crate::JobHandle::wait) does: all waits of this process share one connection.
    ///
    /// # Errors
    /// [`WorkflowError::Ended`] when it failed or was cancelled (a retry may resume it),
    /// [`WorkflowError::Unknown`] when there is no such workflow or no longer, [`Error::Body`] when its
    /// result is no `R`, [`Error::Database`] when the database refuses the query or the pool is closed.
    pub async fn wait(&self, pool: &PgPool) -> Result<R, Error> {
        stands(pool, self.id, None, None).await?;
        self.read(pool).await
    }

    /// As [`wait`](WorkflowHandle::wait), for at most `limit`.
    ///
    /// # Errors
    /// As [`wait`](WorkflowHandle::wait), and [`WorkflowError::Timeout`]; the workflow continues.
    pub async fn wait_for(&self, pool: &PgPool, limit: Duration) -> Result<R, Error> {
        stands(pool, self.id, None, Some(limit)).await?;
        self.read(pool).await
    }

    async fn read(&self, pool: &PgPool) -> Result<R, Error> {
        let found = db::result(&mut *pool.acquire().await?, self.id).await?;
        if found.state != WorkflowState::Success {
            let (state, reason) = (found.state, found.reason);
            return Err(WorkflowError::Ended { workflow: self.id, state, reason }.into());
        }
        Ok(read_result(found.result.as_deref().unwrap_or("null"))?)
    }
}

/// A node of a published workflow, with the result `T`.
pub struct NodeHandle<T> {
    workflow: i64,
    name: String,
    result: PhantomData<fn() -> T>,
}

impl<T> NodeHandle<T> {
    /// How it is.
    ///
    /// # Errors
    /// [`WorkflowError::UnknownNode`] when there is no such node.
    pub async fn fetch(&self, pool: &PgPool) -> Result<NodeRow, Error> {
        let nodes = db::nodes(&mut *pool.acquire().await?, self.workflow).await?;
        let found = nodes.into_iter().find(|node| node.name == self.name);
        found.ok_or_else(|| self.unknown())
    }

    /// Cancels it and what comes after it, for this reason. Returns the number of nodes cancelled.
    ///
    /// # Errors
    /// As [`WorkflowHandle::cancel`].
    pub async fn cancel(&self, database: impl PgExecutor<'_>, reason: &str) -> Result<u64, Error> {
        let cancelled = db::cancel(database, self.workflow, Some(&self.name), reason).await?;
        Ok(u64::try_from(cancelled).unwrap_or_default())
    }

    fn unknown(&self) -> Error {
        WorkflowError::UnknownNode { workflow: self.workflow, node: self.name.clone() }.into()
    }
}

impl<T: DeserializeOwned> NodeHandle<T> {
    /// Waits until it has ended, and returns its result.
    ///
    /// # Errors
    /// [`WorkflowError::NoResult`] when it failed, was skipped or cancelled, or when the workflow has ended
    /// before it ran; [`WorkflowError::UnknownNode`] when there is no such node; else as
    /// [`WorkflowHandle::wait`].
    pub async fn wait(&self, pool: &PgPool) -> Result<T, Error> {
        self.read(pool, stands(pool, self.workflow, Some(&self.name), None).await?).await
    }

    /// As [`wait`](NodeHandle::wait), for at most `limit`.
    ///
    /// # Errors
    /// As [`wait`](NodeHandle::wait), and [`WorkflowError::Timeout`]; the workflow continues.
    pub async fn wait_for(&self, pool: &PgPool, limit: Duration) -> Result<T, Error> {
        self.read(pool, stands(pool, self.workflow, Some(&self.name), Some(limit)).await?).await
    }

    async fn read(&self, pool: &PgPool, standing: WorkflowStanding) -> Result<T, Error> {
        let node = standing.node.ok_or_else(|| self.unknown())?;
        let rows = self.rows(pool, if node.is_group { None } else { Some(1) }).await?;
        if node.state != NodeState::Success {
            let error = rows.into_iter().find_map(|row| row.error);
            let (workflow, name, reason) = (self.workflow, self.name.clone(), error.or(standing.reason));
            return Err(WorkflowError::NoResult { workflow, node: name, state: node.state, reason }.into());
        }
        let null = || "null".to_owned();
        let mut texts: Vec<String> = rows.into_iter().map(|row| row.result.unwrap_or_else(null)).collect();
        if !node.is_group {
            return Ok(read_result(&texts.pop().unwrap_or_else(null))?);
        }
        // Of tasks that return nothing no results are kept, and of others where nobody wanted them.
        let jobs = usize::try_from(node.jobs).unwrap_or_default();
        let is_kept = texts.len() >= jobs;
        if !is_kept {
            texts.resize_with(jobs, null);
        }
        read_result(&format!("[{}]", texts.join(","))).map_err(|error| match is_kept {
            true => error.into(),
            false => {
                let reason = Some("its results were not kept".to_owned());
                let (workflow, node, state) = (self.workflow, self.name.clone(), node.state);
                WorkflowError::NoResult { workflow, node, state, reason }.into()
            }
        })
    }

    /// The results of its jobs, page by page.
    async fn rows(&self, pool: &PgPool, limit: Option<i32>) -> Result<Vec<db::ResultRow>, Error> {
        let (mut rows, mut after) = (Vec::new(), -1);
        let page = limit.unwrap_or(1000);
        loop {
            let next =
                db::results(&mut *pool.acquire().await?, self.workflow, &self.name, after, page).await?;
            let last = next.last().map(|row| row.nth);
            rows.extend(next);
            match last {
                Some(nth) if limit.is_none() => after = nth,
                _ => return Ok(rows),
            }
        }
    }
}

async fn stands(
    pool: &PgPool,
    workflow: i64,
    node: Option<&str>,
    limit: Option<Duration>,
) -> Result<WorkflowStanding, Error> {
    match until_ended(pool, &Subject::Workflow(workflow, node.map(str::to_owned)), limit).await? {
        Stand::Workflow(standing) => Ok(standing),
        Stand::Job(_) => Err(WorkflowError::Unknown(workflow).into()),
    }
}

impl<R> Clone for WorkflowHandle<R> {
    fn clone(&self) -> Self {
        WorkflowHandle::new(self.id)
    }
}

impl<R> fmt::Debug for WorkflowHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WorkflowHandle").field(&self.id).finish()
    }
}

impl<T> fmt::Debug for NodeHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeHandle").field("workflow", &self.workflow).field("node", &self.name).finish()
    }
}
