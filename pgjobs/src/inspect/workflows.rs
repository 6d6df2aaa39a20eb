//! Workflows, their nodes, and what these wait for.

use sqlx::PgPool;

use crate::db::explain::Reason;
use crate::db::workflow_read::{self as db, NodeResultRow, NodeRow, WorkflowFilter, WorkflowRow};
use crate::types::error::Error;
#[cfg(any(feature = "cli", feature = "web"))]
use crate::types::workflow::NodeState;

/// A page of workflows, newest first.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::inspect::{self, WorkflowFilter};
///
/// let filter = WorkflowFilter::default().state("failed").name("import.*");
/// for workflow in inspect::workflows(&pool, &filter).await? {
///     println!("{} {:?}: {} of {} nodes are open", workflow.id, workflow.name, workflow.open, workflow.nodes);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a state that there is not.
pub async fn workflows(pool: &PgPool, filter: &WorkflowFilter) -> Result<Vec<WorkflowRow>, Error> {
    db::workflows(&mut *pool.acquire().await?, filter).await
}

/// One workflow.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// let workflow = pgjobs::inspect::workflow(&pool, id).await?;
/// println!("{}: {} of {} nodes are open", workflow.state, workflow.open, workflow.nodes);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is none of this number.
pub async fn workflow(pool: &PgPool, id: i64) -> Result<WorkflowRow, Error> {
    db::workflow(&mut *pool.acquire().await?, id).await
}

/// The nodes of a workflow in the order in which they were defined, and after which others each comes.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// for node in pgjobs::inspect::workflow_nodes(&pool, id).await? {
///     let after: Vec<&str> = node.after.iter().map(|edge| edge.node.as_str()).collect();
///     println!("{} is {}, after {after:?}", node.name, node.state);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`workflow`].
pub async fn workflow_nodes(pool: &PgPool, id: i64) -> Result<Vec<NodeRow>, Error> {
    db::nodes(&mut *pool.acquire().await?, id).await
}

/// What came of the jobs of a node that have ended, at most `limit`, with positions after `after` (-1: from
/// the first); without what their task declares as sensitive. For administrators. Of a group whose results no
/// other node wants there are only errors.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// use pgjobs::inspect;
///
/// let mut page = inspect::node_results(&pool, id, "resize", -1, 100).await?;
/// while let Some(last) = page.last() {
///     page.iter().for_each(|one| println!("{}: {:?} {:?}", one.nth, one.result, one.error));
///     page = inspect::node_results(&pool, id, "resize", last.nth, 100).await?;
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT404` when there is no such workflow or node.
pub async fn node_results(
    pool: &PgPool,
    id: i64,
    node: &str,
    after: i32,
    limit: u16,
) -> Result<Vec<NodeResultRow>, Error> {
    db::results(&mut *pool.acquire().await?, id, node, after, i32::from(limit)).await
}

/// Where a workflow is and what holds it up, or why this node waits, where it runs or how it ended: the most
/// important reason first.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool, id: i64) -> Result<(), pgjobs::Error> {
/// for reason in pgjobs::inspect::explain_workflow(&pool, id, Some("publish")).await? {
///     println!("{}: {}", reason.code, reason.message);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`node_results`].
pub async fn explain_workflow(pool: &PgPool, id: i64, node: Option<&str>) -> Result<Vec<Reason>, Error> {
    db::explain(&mut *pool.acquire().await?, id, node).await
}

impl WorkflowFilter {
    /// Only those in this state.
    #[must_use]
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into());
        self
    }

    /// Only those of this name, or of names that fit a pattern such as `import.*`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// Why a node waits, as its edges and the nodes before it say; `None` for one that does not wait.
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) fn waits(node: &NodeRow, state_of: &dyn Fn(&str) -> Option<NodeState>) -> Option<String> {
    if node.state != NodeState::Waiting {
        return None;
    }
    let open = || node.after.iter().filter(|edge| edge.state.is_none());
    let failed =
        open().find(|edge| edge.when == "success" && state_of(&edge.node) == Some(NodeState::Failed));
    if let Some(edge) = failed {
        return Some(format!("held: {} failed", edge.node));
    }
    let first: Vec<&str> = open().take(3).map(|edge| edge.node.as_str()).collect();
    let more = open().count() - first.len();
    match first.as_slice() {
        [] => Some("starts next".to_owned()),
        _ if more > 0 => Some(format!("waits for {} and {more} more", first.join(", "))),
        _ => Some(format!("waits for {}", first.join(", "))),
    }
}
