//! What a task declares to make its jobs one of a kind.

use std::time::Duration;

use serde_json::Value;

use super::unique::{OnConflict, Unique, Until, until_json};

/// An argument of the key by its name, and what it is when a body leaves it out.
pub type DefaultValue = (&'static str, fn() -> Value);

/// What makes the jobs of a task one of a kind, as `#[task(unique(…))]` declares it. See [`Unique`].
///
/// ```
/// use pgjobs::{OnConflict, Until, define::TaskUnique};
///
/// const UNIQUE: TaskUnique = TaskUnique::by(&["customer"]).until(Until::Started).on_conflict(OnConflict::Replace);
/// assert_eq!(UNIQUE.arguments, ["customer"]);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct TaskUnique {
    /// The arguments that make the key; none: one key for all jobs.
    pub arguments: &'static [&'static str],
    /// What a body that leaves one of these arguments out means by it, so that publishers in SQL get the key
    /// that a typed call gets; null where there is none.
    pub defaults: &'static [DefaultValue],
    /// The name under which the keys are held; `None`: the task's.
    pub name: Option<&'static str>,
    /// How long a job holds its key; `None`: until it has started if `on_conflict` changes jobs, else until
    /// it has ended.
    pub until: Option<Until>,
    /// What publishing does when another job holds the key; `None`: keep.
    pub on_conflict: Option<OnConflict>,
    /// How long a postponed job waits from the last publish.
    pub wait: Option<Duration>,
    /// How long a postponed job waits at most from the first publish.
    pub max_wait: Option<Duration>,
}

impl TaskUnique {
    /// The values of these arguments make the key.
    pub const fn by(arguments: &'static [&'static str]) -> Self {
        TaskUnique {
            arguments,
            defaults: &[],
            name: None,
            until: None,
            on_conflict: None,
            wait: None,
            max_wait: None,
        }
    }

    /// Sets what is meant by a body that leaves one of these arguments out.
    pub const fn defaults(mut self, defaults: &'static [DefaultValue]) -> Self {
        self.defaults = defaults;
        self
    }

    /// Sets the name under which the keys are held.
    pub const fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets how long a job holds its key.
    pub const fn until(mut self, until: Until) -> Self {
        self.until = Some(until);
        self
    }

    /// Sets what publishing does when another job holds the key.
    pub const fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = Some(on_conflict);
        self
    }

    /// Sets how long a postponed job waits from the last publish.
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(wait);
        self
    }

    /// Sets how long a postponed job waits at most from the first publish.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// What a call says that leaves all to its task.
    pub(crate) fn call(&self) -> Unique {
        let mut unique = Unique::by_arguments(self.arguments.iter().copied());
        let options = [
            ("name", self.name.map(Value::from)),
            ("until", self.until.map(until_json)),
            ("on_conflict", self.on_conflict.map(|on_conflict| on_conflict.as_str().into())),
            ("wait", self.wait.map(|wait| wait.as_secs_f64().into())),
            ("max_wait", self.max_wait.map(|wait| wait.as_secs_f64().into())),
        ];
        for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            unique = unique.with(name, value);
        }
        unique
    }

    /// The description that the database stores.
    pub(crate) fn describe(&self) -> Value {
        let mut options = self.call().options.unwrap_or_default();
        if !self.defaults.is_empty() {
            let defaults = self.defaults.iter().map(|(name, value)| ((*name).to_owned(), value()));
            options.insert("defaults".to_owned(), Value::Object(defaults.collect()));
        }
        Value::Object(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_overrides_what_its_task_declares_key_by_key() {
        const DECLARED: TaskUnique =
            TaskUnique::by(&["customer"]).until(Until::After(Duration::from_secs(60)));
        let over = |unique: Unique| unique.over(Some(DECLARED.call())).json();
        assert_eq!(over(Unique::declared()), r#"{"arguments":["customer"],"until":60.0}"#);
        assert_eq!(over(Unique::by(7).refuse()), r#"{"key":7,"on_conflict":"refuse","until":60.0}"#);
        let ended = Unique::by_arguments([]).until(Until::Ended);
        assert_eq!(over(ended), r#"{"arguments":[],"until":"ended"}"#);
        assert_eq!(over(Unique::none()), "false");
        assert_eq!(Unique::declared().over(None).json(), "{}");
    }

    #[test]
    fn a_default_is_described_by_its_value() {
        let unique = TaskUnique::by(&["locale"]).defaults(&[("locale", || "en".into())]);
        assert_eq!(unique.describe().to_string(), r#"{"arguments":["locale"],"defaults":{"locale":"en"}}"#);
    }
}
