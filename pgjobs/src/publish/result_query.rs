//! Queries the jobs and workflows of all waiters once.

use std::collections::HashSet;

use sqlx::PgConnection;

use super::subject::{Stand, Subject};
use super::waiting::{Answer, Waiting};
use crate::db::chunk::{Chunk, chunks};
use crate::db::pooler::Statements;
use crate::db::results::{self, Which};
use crate::db::workflow;
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

/// Jobs and workflows are asked for apart.
async fn look_at(
    waiting: &Waiting,
    connection: &mut PgConnection,
    statements: Statements,
    subjects: &[Subject],
    which: Which,
) -> Result<(), Error> {
    let (jobs, workflows): (Vec<_>, Vec<_>) =
        subjects.iter().cloned().partition(|subject| matches!(subject, Subject::Job(_)));
    for kind in [jobs, workflows] {
        look_at_kind(waiting, connection, statements, &kind, which).await?;
    }
    Ok(())
}

/// One statement for many jobs, or for many workflows. When it fails because of the content of one, it is
/// halved until that one is the only one with an error and all others have their answers.
async fn look_at_kind(
    waiting: &Waiting,
    connection: &mut PgConnection,
    statements: Statements,
    subjects: &[Subject],
    which: Which,
) -> Result<(), Error> {
    let mut left: Vec<Chunk<'_, Subject>> = chunks(subjects, Subject::bytes).collect();
    while let Some(chunk) = left.pop() {
        let mut there = HashSet::new();
        let mut found = |subject: Subject, answer| {
            waiting.found(&subject, answer);
            there.insert(subject);
        };
        match ask(connection, chunk, statements, which, &mut found).await {
            Ok(()) if which == Which::All => waiting.found_only(&chunk, &there),
            Ok(()) => {}
            Err(error) if results::is_about_a_job(&error) || workflow::is_unknown(&error) => {
                match (chunk.halves(), chunk.first()) {
                    (Some(halves), _) => left.extend(halves),
                    (None, Some(_)) if workflow::is_unknown(&error) => waiting.found_only(&chunk, &there),
                    (None, Some(alone)) => waiting.fail_one(alone, error),
                    (None, None) => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn ask(
    connection: &mut PgConnection,
    subjects: Chunk<'_, Subject>,
    statements: Statements,
    which: Which,
    found: &mut (dyn FnMut(Subject, Answer) + Send),
) -> Result<(), Error> {
    let jobs = |subject: &Subject| match subject {
        Subject::Job(id) => Some(id.clone()),
        Subject::Workflow(..) => None,
    };
    let jobs: Vec<JobId> = subjects.iter().filter_map(jobs).collect();
    if let Some(jobs) = chunks(&jobs, |_| 0).next() {
        let mut found = |job, standing: Result<_, Error>| found(Subject::Job(job), standing.map(Stand::Job));
        return results::results(connection, jobs, which, statements, &mut found).await;
    }
    let nodes = |subject: &Subject| match subject {
        Subject::Job(_) => None,
        Subject::Workflow(id, node) => Some((*id, node.clone())),
    };
    let nodes: Vec<_> = subjects.iter().filter_map(nodes).collect();
    let mut found = |(id, node), standing: Result<_, Error>| {
        found(Subject::Workflow(id, node), standing.map(Stand::Workflow));
    };
    match chunks(&nodes, |_| 0).next() {
        Some(nodes) => workflow::standings(connection, nodes, statements, &mut found).await,
        None => Ok(()),
    }
}
