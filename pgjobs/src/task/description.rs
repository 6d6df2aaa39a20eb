//! What the database stores of a task.

use std::panic::catch_unwind;

use serde_json::{Value, json};

use super::definition::TaskDef;
use crate::types::body::Param;
use crate::types::task_limit::TaskLimit;

/// The longest default that is stored, in bytes of JSON: what makes a key is short.
const LONGEST_DEFAULT: usize = 1024;

impl TaskDef {
    /// The description that the database stores.
    pub(crate) fn describe(&self) -> Value {
        let mut described = json!({
            "name": self.name,
            "aliases": self.aliases,
            "doc": self.doc,
            "args_schema": (self.args_schema)(),
            "result_schema": (self.result_schema)(),
            "retries": self.options.retries,
            "timeout": self.options.timeout.as_secs_f64(),
            "priority": self.options.priority,
            "keep": self.options.keep.as_str(),
            "params": self.params.iter().map(|param| self.describe_param(param)).collect::<Value>(),
            "extra_kwargs": self.extra_kwargs,
            "validate": self.options.validation.as_str(),
        });
        // Only where there are some: a database of an older release knows no such keys.
        if let Some(unique) = &self.unique {
            described["unique"] = unique.describe();
        }
        if let Some(slo) = self.options.slo {
            described["slo"] = slo.as_secs_f64().into();
        }
        if !self.schedules.is_empty() {
            let schedules = self.schedules.iter().map(|schedule| schedule.describe(self.name));
            described["schedules"] = schedules.collect();
        }
        if !self.limits.is_empty() {
            described["limits"] = TaskLimit::describe_all(self.limits, self.name);
        }
        if self.options.events {
            described["events"] = true.into();
        }
        described
    }

    fn describe_param(&self, param: &Param) -> Value {
        let mut described = json!(param);
        let default = self.defaults.iter().find(|(name, _)| *name == param.name);
        if let Some(value) = default.and_then(|(_, default)| known(*default)) {
            described["default"] = value;
        }
        described
    }
}

/// A default, if it is the same each time and the database can store it. Its expression is the user's: it may
/// panic, and a worker must be able to start anyway.
fn known(default: fn() -> Value) -> Option<Value> {
    let value = catch_unwind(default).ok()?;
    let text = value.to_string();
    let is_storable =
        text.len() <= LONGEST_DEFAULT && !text.chars().any(char::is_control) && !text.contains("\\u00");
    (is_storable && catch_unwind(default).ok()? == value).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn a_default_is_stored_only_if_it_is_always_the_same_and_plain() {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        assert_eq!(known(|| "en".into()), Some("en".into()));
        assert_eq!(known(|| json!({"a": [1, null]})), Some(json!({"a": [1, null]})));
        assert_eq!(known(|| CALLS.fetch_add(1, Ordering::Relaxed).into()), None, "as a time would be");
        assert_eq!(known(|| panic!("no such variable")), None);
        assert_eq!(known(|| "nul\0".into()), None, "PostgreSQL has no such text");
        assert_eq!(known(|| "\u{85}".into()), None, "a registration with control characters is refused");
        assert_eq!(known(|| "x".repeat(2000).into()), None);
    }
}
