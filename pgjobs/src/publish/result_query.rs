//! Queries the jobs of all waiters once.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::waiting::Waiting;
use crate::db::chunk::{Chunk, chunks};
use crate::db::pooler::Statements;
use crate::db::results::{self, Which};
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// Queries the jobs that have not been queried for all their waiters yet, and the others as `others` demands;
/// sends the answers to the waiters whose jobs have ended.
pub(super) async fn look(
    waiting: &Waiting,
    connection: &mut PgConnection,
    statements: Statements,
    others: Option<Which>,
) -> Result<(), Error> {
    let jobs = waiting.jobs();
    look_at(waiting, connection, statements, &jobs.fresh, Which::All).await?;
    if let Some(which) = others {
        look_at(waiting, connection, statements, &jobs.others, which).await?;
    }
    waiting.looked_at(&jobs, others == Some(Which::All));
    Ok(())
}

/// One statement for many jobs. When it fails because of the content of one job, it is halved until that job
/// is the only one with an error and all others have their answers.
async fn look_at(
    waiting: &Waiting,
    connection: &mut PgConnection,
    statements: Statements,
    jobs: &[JobId],
    which: Which,
) -> Result<(), Error> {
    let mut left: Vec<Chunk<'_, JobId>> = chunks(jobs, |job| job.as_str().len()).collect();
    while let Some(chunk) = left.pop() {
        let mut there = HashSet::new();
        let mut found = |job: JobId, standing| {
            waiting.found(&job, standing);
            there.insert(job);
        };
        match results::results(connection, chunk, which, statements, &mut found).await {
            Ok(()) if which == Which::All => waiting.found_only(&chunk, &there),
            Ok(()) => {}
            Err(error) if results::is_about_a_job(&error) => match (chunk.halves(), chunk.first()) {
                (Some(halves), _) => left.extend(halves),
                (None, Some(alone)) => waiting.fail_one(alone, error),
                (None, None) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
