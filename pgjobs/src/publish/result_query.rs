//! One look for all who wait.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::waiting::Waiting;
use crate::db::chunk::{Chunk, chunks};
use crate::db::pooler::Statements;
use crate::db::results::{self, Which};
use crate::types::error::Error;
use crate::types::job_id::JobId;

/// Looks at the jobs that nobody has looked at yet, and at the others as far as is asked for; tells those
/// whose jobs have ended.
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

/// A statement for many jobs. When it fails for what one of them holds it is halved, until that one is alone
/// with its error and all others have their answers.
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
