//! The options of a flow.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::draft::Shared;
use super::encode::nul;
use crate::types::error::Error;
use crate::types::meta::Meta;
use crate::types::workflow::OnFailure;

pub(super) struct FlowOptions {
    pub(super) name: Option<String>,
    pub(super) on_failure: OnFailure,
    pub(super) timeout: Option<Duration>,
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) meta: Meta,
    pub(super) result_of: Option<Shared>,
}

impl FlowOptions {
    pub(super) fn new(name: Option<String>) -> Self {
        let (meta, on_failure) = (Meta::default(), OnFailure::Hold);
        FlowOptions { name, on_failure, timeout: None, deadline: None, meta, result_of: None }
    }

    /// As SQL takes them, without the name.
    pub(super) fn json(&self) -> Result<String, Error> {
        if self.name.as_ref().is_some_and(|name| name.contains('\0')) {
            return Err(nul("its name"));
        }
        self.meta.check()?;
        let mut options = Map::new();
        options.insert("on_failure".into(), self.on_failure.as_str().into());
        if let Some(timeout) = self.timeout {
            options.insert("timeout".into(), timeout.as_secs_f64().into());
        }
        if let Some(deadline) = self.deadline {
            options.insert("deadline".into(), deadline.to_rfc3339().into());
        }
        if let Some(node) = &self.result_of {
            options.insert("result".into(), node.lock().name.clone().into());
        }
        if let Some(meta) = self.meta.json() {
            options.insert("meta".into(), serde_json::from_str(&meta).unwrap_or_default());
        }
        Ok(Value::Object(options).to_string())
    }
}
