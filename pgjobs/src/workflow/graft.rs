//! Nodes that a running job adds to its own workflow.

use super::encode::encode;
use super::flow::Flow;
use crate::db::workflow as db;
use crate::publish::{Publisher, on_target, target};
use crate::task::job::Job;
use crate::types::error::Error;
use crate::types::workflow::OnFailure;

/// The workflow that a running job is part of, made by [`Job::workflow`](crate::Job::workflow).
#[derive(Debug, Clone)]
#[must_use = "`.add(…).await` adds nodes to it"]
pub struct RunningWorkflow<'j> {
    job: &'j Job,
    before: Vec<String>,
}

impl Job {
    /// The workflow that this job is part of, to add nodes to it while it runs: what there is to do may be
    /// known only now.
    ///
    /// ```no_run
    /// use pgjobs::{Job, TaskError, sqlx::PgPool, task, workflow::Flow};
    ///
    /// #[task] async fn import(file: String) {}
    /// #[task] async fn report() {}
    ///
    /// #[task]
    /// async fn list(#[inject] job: &Job, #[inject] pool: &PgPool, folder: String) -> Result<(), TaskError> {
    ///     let files = ["a.csv", "b.csv"]; // … of the folder
    ///     let mut more = Flow::new("imports");
    ///     more.group("import", files.map(|file| import::new(format!("{folder}/{file}"))));
    ///     job.workflow().before("report").add(pool, more).await?;
    ///     Ok(())
    /// }
    ///
    /// let mut flow = Flow::new("nightly");
    /// let list = flow.node("list", list::new("inbox".to_owned()));
    /// flow.node("report", report::new()).after(list);
    /// ```
    pub fn workflow(&self) -> RunningWorkflow<'_> {
        RunningWorkflow { job: self, before: Vec::new() }
    }
}

impl RunningWorkflow<'_> {
    /// This node of the workflow, which waits, waits for all of the new ones also.
    pub fn before(mut self, node: impl Into<String>) -> Self {
        self.before.push(node.into());
        self
    }

    /// Adds the nodes of a flow. Those that wait for nothing start when the transaction commits; to wait for
    /// nodes that the workflow has, get these by [`Flow::existing`]. The options of the flow do not matter:
    /// those of the workflow hold.
    ///
    /// A run may be repeated, and then it adds nodes again: under other names, or in the transaction in which
    /// it ends itself ([`Job::finish`](crate::Job::finish)), so that they are added once.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the lease of this run is gone, [`Error::Refused`] when the job is in no
    /// workflow (`PT400`), and as [`Flow::publish`].
    pub async fn add<'c, R>(self, publisher: impl Publisher<'c>, flow: Flow<R>) -> Result<(), Error> {
        let nodes = encode(&flow.nodes, OnFailure::Hold)?;
        let before = (!self.before.is_empty()).then(|| serde_json::Value::from(self.before).to_string());
        let job = (self.job.id(), self.job.lease());
        let add = async |connection: &mut sqlx::PgConnection, statements| {
            db::add_nodes(connection, job, &nodes, before.as_deref(), statements).await
        };
        on_target(target(publisher), add).await
    }
}
