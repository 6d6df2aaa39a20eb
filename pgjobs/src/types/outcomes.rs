//! What a batch handler returns: one outcome for all of its jobs, or one for each.

use serde::Serialize;

use super::task_error::{Failure, TaskError, Value};

/// What a joint run that did not fail as a whole says of its jobs.
#[derive(Debug)]
pub enum Outcomes<T> {
    /// Every job ended with this result.
    All(T),
    /// Each job ended in its own way, in the order in which the handler got them.
    Each(Vec<Result<T, TaskError>>),
}

/// The return types of a batch handler: nothing, one outcome for each job in a `Vec`, or a `Result` of either.
///
/// | returned | each job |
/// |---|---|
/// | `()` | succeeds |
/// | `Result<(), E>` | succeeds, or the joint run failed |
/// | `Vec<Result<T, E>>` | has the outcome at its position |
/// | `Result<Vec<Result<T, E>>, E>` | the same, or the joint run failed |
#[diagnostic::on_unimplemented(
    message = "a batch handler cannot return `{Self}`",
    label = "return nothing, `Result<(), E>`, `Vec<Result<T, E>>` or `Result<Vec<Result<T, E>>, E>`",
    note = "the `Vec` has one outcome for each job, in their order; `T` is `Serialize` and `JsonSchema`, `E` an error, a string or `pgjobs::TaskError`"
)]
pub trait IntoOutcomes {
    /// The value of a job that succeeded, stored as its result.
    type Output: Serialize + schemars::JsonSchema;

    /// Splits into the outcomes of the jobs, and the error of the whole.
    ///
    /// # Errors
    /// The error that the handler returned instead of outcomes.
    fn into_outcomes(self) -> Result<Outcomes<Self::Output>, TaskError>;
}

/// What a batch handler says of its jobs when it did not fail as a whole.
#[diagnostic::on_unimplemented(
    message = "a batch handler cannot return `{Self}`",
    label = "return nothing, or `Vec<Result<T, E>>` with one outcome for each job",
    note = "the `Vec` is in the order of the jobs; `T` is `Serialize` and `JsonSchema`, `E` an error, a string or `pgjobs::TaskError`"
)]
pub trait ForJobs {
    /// The value of a job that succeeded.
    type Output: Serialize + schemars::JsonSchema;

    /// Says how each job ended.
    fn for_jobs(self) -> Outcomes<Self::Output>;
}

impl ForJobs for () {
    type Output = ();

    fn for_jobs(self) -> Outcomes<()> {
        Outcomes::All(())
    }
}

impl<T: Value, E: Failure> ForJobs for Vec<Result<T, E>> {
    type Output = T;

    fn for_jobs(self) -> Outcomes<T> {
        Outcomes::Each(self.into_iter().map(|one| one.map_err(Into::into)).collect())
    }
}

impl<T: Value> ForJobs for Outcomes<T> {
    type Output = T;

    fn for_jobs(self) -> Outcomes<T> {
        self
    }
}

impl IntoOutcomes for () {
    type Output = ();

    fn into_outcomes(self) -> Result<Outcomes<()>, TaskError> {
        Ok(self.for_jobs())
    }
}

impl<T: Value, E: Failure> IntoOutcomes for Vec<Result<T, E>> {
    type Output = T;

    fn into_outcomes(self) -> Result<Outcomes<T>, TaskError> {
        Ok(self.for_jobs())
    }
}

impl<J: ForJobs, E: Failure> IntoOutcomes for Result<J, E> {
    type Output = J::Output;

    fn into_outcomes(self) -> Result<Outcomes<J::Output>, TaskError> {
        self.map(ForJobs::for_jobs).map_err(Into::into)
    }
}
