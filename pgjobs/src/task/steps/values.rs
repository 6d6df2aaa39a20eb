//! The JSON of steps, and what errors of the database mean to them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{StepError, Steps};
use crate::types::body::holds_nul;
use crate::types::error::Error;

impl Steps {
    /// An error of the database as that of a step.
    pub(super) fn error(&self, name: &str, error: Error) -> StepError {
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

pub(super) fn encode(name: &str, value: &(impl Serialize + ?Sized)) -> Result<Value, StepError> {
    let wrong = |reason| StepError::Value { step: name.to_owned(), reason };
    let value =
        serde_json::to_value(value).map_err(|e| wrong(format!("it cannot be written as JSON: {e}")))?;
    if holds_nul(&value.to_string()) {
        return Err(wrong("it holds a NUL character, which jsonb cannot store".to_owned()));
    }
    Ok(value)
}

pub(super) fn read<T: DeserializeOwned>(name: &str, value: Option<Value>) -> Result<T, StepError> {
    // The error of serde may quote the value.
    serde_json::from_value(value.unwrap_or_default()).map_err(|error| StepError::Value {
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
        let error = read::<u8>("pin", Some(Value::from("secret"))).unwrap_err().to_string();
        assert!(error.contains("`pin`") && error.contains("u8") && !error.contains("secret"), "{error}");
        assert!(encode("a", "x\0y").is_err());
    }
}
