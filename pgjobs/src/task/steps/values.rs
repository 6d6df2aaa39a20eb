//! The JSON of steps, and what errors of the database mean to them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use super::{StepError, Steps};
use crate::types::body::holds_nul;
use crate::types::error::Error;

impl Steps {
    /// An error of the database as that of a step.
    pub(super) fn error(&self, name: &str, error: Error) -> StepError {
        if let Some(reason) = unfit(&error) {
            return StepError::Value { step: name.to_owned(), reason };
        }
        let Error::Refused { code, message, hint } = &error else { return StepError::Database(error) };
        let reason =
            || format!("{message}{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default());
        match code.as_str() {
            "PT409" if message == "lease_lost" => StepError::LeaseLost,
            "PT413" => StepError::Value { step: name.to_owned(), reason: reason() },
            "PT400" => StepError::Name { step: name.to_owned(), reason: reason() },
            _ => StepError::Database(error),
        }
    }
}

/// Why the server could not store a value that is JSON: a number that is too large for it, half of a surrogate pair.
fn unfit(error: &Error) -> Option<String> {
    let Error::Database(sqlx::Error::Database(error)) = error else { return None };
    let code = error.code()?;
    let is_of_value = ["22P02", "22P05", "22003"].contains(&code.as_ref());
    is_of_value.then(|| format!("jsonb cannot store it ({code})"))
}

pub(super) fn encode(name: &str, value: &(impl Serialize + ?Sized)) -> Result<Box<RawValue>, StepError> {
    let wrong = |reason| StepError::Value { step: name.to_owned(), reason };
    let value = to_raw_value(value).map_err(|e| wrong(format!("it cannot be written as JSON: {e}")))?;
    if holds_nul(value.get()) {
        return Err(wrong("it holds a NUL character, which jsonb cannot store".to_owned()));
    }
    Ok(value)
}

/// What a step returned. What later runs could not read is not recorded: NaN, which is written as null, or a type that
/// writes another form than it reads.
pub(super) fn encode_result<T: Serialize + DeserializeOwned>(
    name: &str,
    value: &T,
) -> Result<Box<RawValue>, StepError> {
    let value = encode(name, value)?;
    match serde_json::from_str::<T>(value.get()) {
        Ok(_) => Ok(value),
        Err(_) => Err(StepError::Value {
            step: name.to_owned(),
            reason: format!(
                "its JSON is no {} when it is read back: NaN and infinities are none, and a type has to read what it writes",
                std::any::type_name::<T>()
            ),
        }),
    }
}

pub(super) fn read<T: DeserializeOwned>(name: &str, value: Option<Box<RawValue>>) -> Result<T, StepError> {
    let json = value.as_deref().unwrap_or(RawValue::NULL).get();
    // The error of serde may quote the value.
    serde_json::from_str(json).map_err(|error| StepError::Value {
        step: name.to_owned(),
        reason: format!(
            "what is recorded is no {}: {}; give a step that returns another type another name",
            std::any::type_name::<T>(),
            if error.is_data() { "the data do not fit" } else { "the JSON cannot be read" }
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_does_not_fit_is_not_shown() {
        let secret = to_raw_value("secret").unwrap();
        let error = read::<u8>("pin", Some(secret)).unwrap_err().to_string();
        assert!(error.contains("`pin`") && error.contains("u8") && !error.contains("secret"), "{error}");
        assert!(encode("a", "x\0y").is_err());
    }

    #[test]
    fn what_later_runs_could_not_read_is_refused() {
        assert!(encode_result("a", &f64::NAN).is_err());
        assert_eq!(encode_result("a", &u128::MAX).unwrap().get(), u128::MAX.to_string());
        assert_eq!(read::<u128>("a", Some(encode("a", &u128::MAX).unwrap())).unwrap(), u128::MAX);
    }
}
