//! Sends a flow.

use super::encode::encode;
use super::flow::Flow;
use super::handle::WorkflowHandle;
use crate::db::workflow as db;
use crate::publish::{Publisher, on_target, target};
use crate::types::error::Error;

impl<R> Flow<R> {
    /// Publishes it, all nodes in one statement: on your transaction it is there once that commits. Nodes
    /// that wait for nothing become jobs at once, the others when what they wait for has ended.
    ///
    /// A [`Tx`](crate::Tx) sends it at once as well, since its id is wanted. The publish layers of this
    /// process ([`on_publish`](crate::on_publish)) see each node once, whatever the number of its jobs, and then each undo.
    ///
    /// # Errors
    /// Those of [`Publish`](crate::Publish). [`Error::Workflow`] for an edge from a node of another flow, and
    /// for an argument that would have no value; [`Error::Refused`] with `PT400` for a name twice, a circle,
    /// an argument that a task does not have, or a type that cannot fit, and `PT413` for more than 10,000
    /// nodes (a group is one).
    pub async fn publish<'c>(self, publisher: impl Publisher<'c>) -> Result<WorkflowHandle<R>, Error> {
        let nodes = encode(&self.nodes, self.options.on_failure)?;
        let (options, name) = (self.options.json()?, self.options.name);
        let publish = async |connection: &mut sqlx::PgConnection, statements| {
            db::publish(connection, &nodes, name.as_deref(), &options, statements).await
        };
        Ok(WorkflowHandle::new(on_target(target(publisher), publish).await?))
    }
}
