//! Open jobs whose recorded steps the program does not declare.

use sqlx::PgConnection;

use super::findings::{Code, Finding};
use crate::db::steps as db;
use crate::task::registry::Registry;
use crate::types::error::Error;
use crate::types::severity::Severity;
use crate::types::topic::Topic;

/// A warning for each step that open jobs have recorded, of a task under these topics that declares its steps
/// and not this one: the next run of such a job does not find what it did under that name, and would do it
/// again under another one.
pub(super) async fn unknown(
    registry: &Registry,
    topics: &[Topic],
    connection: &mut PgConnection,
) -> Result<Vec<Finding>, Error> {
    let is_asked = |name: &str| topics.is_empty() || topics.iter().any(|topic| topic.holds(name));
    let names = registry.claimable().into_iter().filter(|name| is_asked(name));
    let known: Vec<(String, &str)> = names
        .filter_map(|name| Some((registry.get(&name)?, name)))
        .flat_map(|(def, name)| def.steps.iter().map(move |step| (name.clone(), *step)))
        .collect();
    if known.is_empty() {
        return Ok(Vec::new());
    }
    Ok(db::unknown(connection, &known).await?.into_iter().map(finding).collect())
}

fn finding(step: db::UnknownStep) -> Finding {
    let jobs =
        if step.jobs == 1 { "1 open job has".to_owned() } else { format!("{} open jobs have", step.jobs) };
    let message = format!(
        "{jobs} recorded the step {:?} (such as {}), which this program does not declare",
        step.name, step.job_id
    );
    let remedy = "keep the name of a step that is done, and declare it in #[task(steps(…))]; if the code does without \
                  it, declare it until these jobs have ended";
    Finding::new(Severity::Warning, Code::StepsUnknown, &step.task, message, remedy)
}
