//! What publishing does with arguments that do not fit.

use serde::Serialize;

/// What the database does when somebody publishes a job whose arguments do not fit the task: psql, a trigger,
/// a Python or REST client, or [`NewJob`](crate::NewJob).
///
/// The worker registers the signature of each task (the JSON Schema of its arguments) in the database, which
/// validates each job when it is published. Calls of the task's own type, `my_task::publish(…)`, are not
/// validated because their types already ensure this. An operator can set another mode for a task with
/// `jobs.set_validation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// Nothing: the worker reports the error when it runs the job.
    Off,
    /// It warns, and accepts the job.
    Warn,
    /// It refuses the job (`PT422`).
    #[default]
    Strict,
}

impl Validation {
    /// The name in SQL and in `#[task(validate = "…")]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Validation::Off => "off",
            Validation::Warn => "warn",
            Validation::Strict => "strict",
        }
    }
}
