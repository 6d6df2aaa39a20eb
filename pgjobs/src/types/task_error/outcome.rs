//! What a task may return, and how its value is stored.

use serde::Serialize;
use serde_json::value::RawValue;

use super::TaskError;

/// The return types of a `#[task]` function: nothing, or a `Result` whose value can be written as JSON.
#[diagnostic::on_unimplemented(
    message = "a task cannot return `{Self}`",
    label = "return nothing, or `Result<T, E>`",
    note = "wrap a value: `Result<{Self}, pgjobs::TaskError>`; `T` is `Serialize` and `JsonSchema`, `E` an error, a string or `pgjobs::TaskError`"
)]
pub trait IntoOutcome {
    /// The value of a successful run, stored as the job's result.
    type Output: Serialize + schemars::JsonSchema;

    /// Splits into the value and the error.
    fn into_outcome(self) -> Result<Self::Output, TaskError>;
}

impl IntoOutcome for () {
    type Output = ();

    fn into_outcome(self) -> Result<(), TaskError> {
        Ok(())
    }
}

impl<T, E> IntoOutcome for Result<T, E>
where
    T: Value,
    E: Failure,
{
    type Output = T;

    fn into_outcome(self) -> Result<T, TaskError> {
        self.map_err(Into::into)
    }
}

/// The value that a run can return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a task",
    label = "results are stored in the database as JSON",
    note = "a type of yours: derive `serde::Serialize` and `schemars::JsonSchema`",
    note = "a type of another crate: turn on the feature of pgjobs that is named like the crate (`rust_decimal`, `url`, `bytes`, …), or return a type of yours that holds it"
)]
pub trait Value: Serialize + schemars::JsonSchema {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + schemars::JsonSchema> Value for T {}

/// The error that a run can return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a task",
    label = "a task fails with any error, a string or a `pgjobs::TaskError`",
    note = "implement `std::error::Error` for `{Self}` (the worker then retries), or `From<{Self}> for pgjobs::TaskError` to say what happens next",
    note = "a boxed error must be `Send`: `Box<dyn std::error::Error + Send + Sync>`; `?` on any error makes a `pgjobs::TaskError`"
)]
pub trait Failure: Into<TaskError> {}
#[diagnostic::do_not_recommend]
impl<E: Into<TaskError>> Failure for E {}

/// The longest result, in bytes of JSON. `jsonb` is limited to 256 MB and a message to the server to 1 GB;
/// store a result that approaches these limits elsewhere, and return a reference to it.
const LONGEST_RESULT: usize = 64 << 20;

/// Encodes the result of a run as JSON text; refuses one that the database cannot store.
pub(crate) fn encode_result<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, TaskError> {
    let raw = serde_json::value::to_raw_value(value)
        .map_err(|e| TaskError::fatal(format!("the result cannot be written as JSON: {e}")))?;
    if crate::types::body::holds_nul(raw.get()) {
        return Err(TaskError::fatal("the result holds a NUL character, which jsonb cannot store"));
    }
    if raw.get().len() > LONGEST_RESULT {
        let reason = format!("the result takes {} bytes, the limit is {LONGEST_RESULT}", raw.get().len());
        return Err(TaskError::fatal(reason));
    }
    Ok(raw)
}
