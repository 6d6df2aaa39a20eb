//! The workflow to which a job belongs.

use maud::{Markup, html};
use serde_json::Value;
use sqlx::PgConnection;

use crate::db::workflow_read as db;
use crate::inspect::Reason;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;

/// A node of a workflow.
pub(super) struct Part {
    workflow: i64,
    name: Option<String>,
    node: String,
}

impl Part {
    /// What the database says of the job. It forgets that of jobs that have succeeded: then the workflow is that from
    /// whose page somebody came (`?workflow=7`), if it has a node of this job.
    pub(super) async fn read(
        ask: &Ask,
        id: &str,
        reasons: &[Reason],
        connection: &mut PgConnection,
    ) -> Result<Option<Part>, Failed> {
        if let Some(part) = reasons.iter().find_map(of_reason) {
            return Ok(Some(part));
        }
        let Some(workflow) = ask.get("workflow").and_then(|id| id.parse::<i64>().ok()) else {
            return Ok(None);
        };
        let Ok(row) = db::workflow(connection, workflow).await else { return Ok(None) };
        let nodes = db::nodes(connection, workflow).await?;
        let node = nodes.into_iter().find(|node| node.job_id.as_ref().is_some_and(|job| job.as_str() == id));
        Ok(node.map(|node| Part { workflow, name: row.name, node: node.name }))
    }

    pub(super) fn link(&self, ask: &Ask) -> Markup {
        let name = self.name.clone().unwrap_or_else(|| format!("workflow {}", self.workflow));
        html! { a href=(ask.link(&format!("/workflows/{}", self.workflow))) { (name) } ", node " (self.node) }
    }
}

fn of_reason(reason: &Reason) -> Option<Part> {
    let text = |name: &str| reason.details.get(name).and_then(Value::as_str).map(str::to_owned);
    let workflow = reason.details.get("workflow").and_then(Value::as_i64);
    let is_part = reason.code == "part_of_workflow";
    Some(Part { workflow: workflow.filter(|_| is_part)?, name: text("name"), node: text("node")? })
}
