//! The code of an error, under which the book explains it.

use super::Error;
use crate::types::workflow_error::WorkflowError;

impl Error {
    /// A short name that stays the same from release to release, for programs that tell errors apart and for
    /// the page *Errors and codes* of the book, which has the reason and the remedy of each: the SQLSTATE of a
    /// refusal (`PT422`), else a word such as `no_tasks`.
    ///
    /// ```
    /// use pgjobs::{Error, Topic};
    ///
    /// let error: Error = "".parse::<Topic>().unwrap_err();
    /// assert_eq!(error.code(), "topic");
    /// ```
    pub fn code(&self) -> &str {
        match self {
            Error::Database(_) => "database",
            Error::Unreadable(_) => "unreadable",
            Error::Refused { code, .. } => code,
            Error::PublishRefused { .. } => "publish_refused",
            Error::LeaseLost(_) => "lease_lost",
            Error::UnknownJob(_) => "unknown_job",
            Error::NotKept(_) => "not_kept",
            Error::UnknownTask { .. } => "unknown_task",
            Error::NoTasks { .. } => "no_tasks",
            Error::DuplicateTask { .. } => "duplicate_task",
            Error::MissingState { .. } => "missing_state",
            Error::Body(_) => "body",
            Error::Encode(_) => "encode",
            Error::Topic { .. } => "topic",
            Error::Option { .. } => "option",
            Error::Migration(_) => "migration",
            Error::SchemaMissing(_) => "schema_missing",
            Error::Unusable { .. } => "unusable",
            Error::TooFewConnections { .. } => "too_few_connections",
            Error::TransactionPooling { .. } => "transaction_pooling",
            Error::Servers(_) => "servers",
            Error::JobFailed { .. } => "job_failed",
            Error::WaitTimeout(_) => "wait_timeout",
            Error::Workflow(error) => of_workflow(error),
        }
    }
}

fn of_workflow(error: &WorkflowError) -> &'static str {
    match error {
        WorkflowError::Node { .. } => "workflow_node",
        WorkflowError::Unknown(_) => "workflow_unknown",
        WorkflowError::Ended { .. } => "workflow_ended",
        WorkflowError::NoResult { .. } => "workflow_no_result",
        WorkflowError::UnknownNode { .. } => "workflow_unknown_node",
        WorkflowError::Timeout(_) => "workflow_timeout",
        WorkflowError::OnSuccess => "workflow_on_success",
    }
}
