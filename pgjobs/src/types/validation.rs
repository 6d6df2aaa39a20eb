//! What publishing does with arguments that do not fit.

use std::str::FromStr;

use serde::Serialize;

use super::error::Error;

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

impl FromStr for Validation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "off" => Validation::Off,
            "warn" => Validation::Warn,
            "strict" => Validation::Strict,
            other => {
                let reason = format!("`{other}` is none of off, warn, strict");
                return Err(Error::Option { name: "validate", reason });
            }
        })
    }
}
