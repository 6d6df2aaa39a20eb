//! Counts what was published.

use crate::metrics;
use crate::types::job_request::{JobRequest, PublishedJob};
use crate::types::unique::PublishOutcome;

/// Counts these jobs, which were sent to the database. What a transaction then rolls back stays counted.
pub(super) fn count(requests: &[JobRequest], published: &[PublishedJob]) {
    if !metrics::ON {
        return;
    }
    let mut jobs = requests.iter().zip(published).map(|(request, job)| (&*request.task, name(job.outcome)));
    let Some(mut row) = jobs.next() else { return };
    let mut number = 1;
    for job in jobs {
        if job != row {
            metrics::published(row.0, row.1, number);
            (row, number) = (job, 0);
        }
        number += 1;
    }
    metrics::published(row.0, row.1, number);
}

/// The value of label `outcome`.
fn name(outcome: Option<PublishOutcome>) -> &'static str {
    match outcome {
        Some(PublishOutcome::Existing) => "existing",
        Some(PublishOutcome::Replaced) => "replaced",
        Some(PublishOutcome::Published) | None => "published",
    }
}
