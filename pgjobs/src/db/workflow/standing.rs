//! How many workflows and nodes stand, in one statement, for callers that wait for them.

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::db::chunk::Chunk;
use crate::db::pooler::Statements;
use crate::db::transaction;
use crate::types::error::Error;
use crate::types::workflow::{NodeState, WorkflowState};

/// The states of a workflow and of the node that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct WorkflowStanding {
    pub(crate) state: WorkflowState,
    /// Nothing of it happens any more by itself.
    is_over: bool,
    /// Why the workflow, or the node where one was asked for, is in its state.
    pub(crate) reason: Option<String>,
    pub(crate) node: Option<NodeStanding>,
}

#[derive(Debug, Clone)]
pub(crate) struct NodeStanding {
    pub(crate) state: NodeState,
    pub(crate) is_group: bool,
    /// How many it has published.
    pub(crate) jobs: i32,
}

impl WorkflowStanding {
    /// Of a node: also when the workflow has ended without it.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_over || self.node.as_ref().is_some_and(|node| node.state.has_ended())
    }
}

const STANDINGS: &str = "select a.id, a.node, w.state, coalesce(n.reason, w.reason), n.state, n.is_group, w.ended_at is not null, n.jobs \
     from unnest($1::bigint[], $2::text[]) a(id, node) cross join lateral jobs.workflow(a.id) w \
     left join lateral (select x.state, x.reason, x.is_group, x.jobs from jobs.workflow_nodes(a.id, array[a.node]) x) n \
       on a.node is not null \
     where a.node is null or n.state is not null";

type Found<'f> = &'f mut (dyn FnMut((i64, Option<String>), Result<WorkflowStanding, Error>) + Send);

/// Passes how each of these stands to `found`: workflows, or nodes of them by name. What does not exist is
/// left out. With unnamed statements it runs in a
/// transaction, which stays in one session of a pooler.
pub(crate) async fn standings(
    connection: &mut PgConnection,
    nodes: Chunk<'_, (i64, Option<String>)>,
    statements: Statements,
    found: Found<'_>,
) -> Result<(), Error> {
    if statements.are_named() {
        return fetch(connection, nodes, statements, found).await;
    }
    let mut transaction = transaction::begin(connection).await?;
    fetch(&mut transaction, nodes, statements, found).await?;
    Ok(transaction.commit().await?)
}

async fn fetch(
    connection: &mut PgConnection,
    nodes: Chunk<'_, (i64, Option<String>)>,
    statements: Statements,
    found: Found<'_>,
) -> Result<(), Error> {
    let (ids, names): (Vec<i64>, Vec<Option<&str>>) =
        nodes.iter().map(|(id, node)| (*id, node.as_deref())).unzip();
    let query = sqlx::query(STANDINGS).persistent(statements.are_named()).bind(ids).bind(names);
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        found((row.try_get(0)?, row.try_get(1)?), standing(&row));
    }
    Ok(())
}

fn standing(row: &PgRow) -> Result<WorkflowStanding, Error> {
    let node = row.try_get::<Option<&str>, _>(4)?.map(|state| {
        let (is_group, jobs) = (row.try_get(5)?, row.try_get(7)?);
        Ok::<_, Error>(NodeStanding { state: state.parse()?, is_group, jobs })
    });
    Ok(WorkflowStanding {
        state: row.try_get::<&str, _>(2)?.parse()?,
        is_over: row.try_get(6)?,
        reason: row.try_get(3)?,
        node: node.transpose()?,
    })
}
