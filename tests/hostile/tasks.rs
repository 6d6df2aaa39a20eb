//! The tasks of these tests.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pgjobs::define::TaskDef;
use pgjobs::{Task, TaskError, task};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Wants types that little fits.
#[task(name = "hostile.typed", retries = 1)]
pub(crate) async fn typed(n: i64, text: Option<String>, list: Option<Vec<u8>>) -> Result<usize, TaskError> {
    Ok(text.map_or(0, |text| text.len()) + list.map_or(0, |list| list.len()) + usize::from(n == 0))
}

/// Returns what it was given.
#[task(name = "hostile.any", retries = 1)]
pub(crate) async fn any(value: Value) -> Result<Value, TaskError> {
    Ok(value)
}

/// Takes every keyword.
#[task(name = "hostile.open", retries = 1)]
async fn open(first: Option<bool>, #[kwargs] rest: BTreeMap<String, Value>) -> Result<usize, TaskError> {
    Ok(rest.len() + usize::from(first.is_some()))
}

/// Stands beside the hostile ones and must end well.
#[task(name = "hostile.neighbour", retries = 1)]
pub(crate) async fn neighbour(n: i64) -> Result<i64, TaskError> {
    Ok(n)
}

/// The names of these.
pub(crate) const NAMES: [&str; 4] = ["hostile.typed", "hostile.any", "hostile.open", "hostile.neighbour"];

/// A typed call of `hostile.any` whose argument is whatever text passes for JSON.
#[derive(Serialize)]
pub(crate) struct RawCall {
    pub(crate) value: Box<RawValue>,
}

impl Task for RawCall {
    type Output = Value;
    const DEF: &'static TaskDef = <any as Task>::DEF;
}

/// A result that is whatever text passes for JSON.
#[derive(Serialize, Deserialize)]
pub(crate) struct Raw(pub(crate) Box<RawValue>);

impl JsonSchema for Raw {
    fn schema_name() -> Cow<'static, str> {
        "Raw".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        Schema::default()
    }
}
