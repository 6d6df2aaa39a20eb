//! A job of which only the id is known, on one of the servers.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::{Server, Shards};
use crate::db::inspect::JobRow;
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// A job, and the server that it lies on, as [`Shards::find`] returns it.
///
/// ```no_run
/// # async fn f(shards: pgjobs::Shards, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
/// let found = shards.find(&id).await?;
/// for reason in pgjobs::inspect::explain(found.server.pool, &found.job.job_id).await? {
///     println!("{}: {}", found.server.name, reason.message);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Found<'s> {
    /// The server.
    pub server: Server<'s>,
    /// The job, as [`inspect::job`](crate::inspect::job) returns it.
    pub job: JobRow,
}

impl Shards {
    /// Finds a job by its id: asks all servers at once, and returns when one has it. The database users need
    /// the role `jobs_admin`, as for [`inspect::job`](crate::inspect::job).
    ///
    /// ```no_run
    /// # async fn f(shards: pgjobs::Shards, id: pgjobs::JobId) -> Result<(), pgjobs::Error> {
    /// use pgjobs::Error;
    ///
    /// match shards.find(&id).await {
    ///     Ok(found) => println!("{} on {}", found.job.state, found.server.name),
    ///     Err(Error::UnknownJob(id)) => println!("no server knows {id}"),
    ///     Err(error) => return Err(error), // one that was away may have it
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownJob`] when all were asked and none has it; [`Error::Servers`] with the servers that
    /// could not be asked, or gave no answer within five seconds, when none of the others has it.
    pub async fn find(&self, id: &JobId) -> Result<Found<'_>, Error> {
        let mut answers: FuturesUnordered<_> =
            self.servers.iter().map(|one| async move { (one, one.get(id).await) }).collect();
        let mut troubles = Vec::new();
        while let Some((one, answer)) = answers.next().await {
            match answer {
                Ok(job) => return Ok(Found { server: one.server(), job }),
                Err(Error::UnknownJob(_)) => {}
                Err(error) => troubles.push((one.name.clone(), error)),
            }
        }
        if troubles.is_empty() { Err(Error::UnknownJob(id.clone())) } else { Err(Error::Servers(troubles)) }
    }
}
