//! What makes a job one of a kind: of all jobs with the same key, one at a time.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::body::holds_nul;
use super::error::Error;

/// How long a job holds its unique key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until a worker claims it for its first run: what is published afterwards is another job. Fits work
    /// that reads the newest state when it runs.
    Started,
    /// Until it has ended, retries included.
    Ended,
    /// For this long after it was published, whatever becomes of it: at most one job in such a time.
    After(Duration),
}

/// What publishing does when another job holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Nothing is published; the publisher gets the job that is there.
    Keep,
    /// The job that is there gets the arguments and options of the new call if it is pending; else as `Keep`.
    Replace,
    /// As `Replace`, and it waits anew (debounce): `wait` from the last publish, at most `max_wait` from the
    /// first.
    Postpone,
    /// The call is refused with `PT409`, which names the job that is there.
    Refuse,
}

impl OnConflict {
    /// The name in SQL and in `#[task(unique(on_conflict = "…"))]`.
    pub fn as_str(self) -> &'static str {
        match self {
            OnConflict::Keep => "keep",
            OnConflict::Replace => "replace",
            OnConflict::Postpone => "postpone",
            OnConflict::Refuse => "refuse",
        }
    }
}

/// What became of a call that was published under a unique key, see
/// [`JobHandle::outcome`](crate::JobHandle::outcome).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishOutcome {
    /// It is a new job.
    Published,
    /// Another job holds the key; the handle is of that job.
    Existing,
    /// A pending job holds the key and has the arguments of this call now; the handle is of that job.
    Replaced,
}

/// What makes a call one of a kind, in place of what its task declares or where it declares nothing.
///
/// A key is a value of the publisher's own ([`by`](Unique::by)), or arguments of the call
/// ([`by_arguments`](Unique::by_arguments)). Of all jobs of a task with equal keys one is pending or running
/// at a time; [`until`](Unique::until) and what to do about a second one are options. Equal means equal as
/// JSON: `7` and `7.0` are, `"7"` is not.
///
/// ```no_run
/// use std::time::Duration;
/// use pgjobs::{PublishOutcome, Unique, task};
///
/// #[task]
/// async fn sync(account: i64) {}
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let wait = Unique::by(7).postpone(Duration::from_secs(5)).max_wait(Duration::from_secs(60));
/// let job = sync::publish(&pool, 7).unique(wait).await?;
/// assert_ne!(job.outcome(), Some(PublishOutcome::Existing));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "it is given to .unique(…)"]
pub struct Unique {
    /// As SQL takes it; null: not unique.
    pub(super) options: Option<Map<String, Value>>,
    /// The first value that is not JSON. Setters cannot fail, so publishing reports it.
    error: Option<String>,
}

impl Unique {
    /// A key of the publisher's own: one value, or several as a tuple or array.
    pub fn by(key: impl Serialize) -> Self {
        let unique = Unique { options: Some(Map::new()), error: None };
        match serde_json::to_value(key) {
            Ok(key) => unique.with("key", key),
            Err(error) => Unique { error: Some(error.to_string()), ..unique },
        }
    }

    /// The values of these arguments. With none: one key for all jobs of the task.
    pub fn by_arguments<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Unique::declared().with("arguments", names.into_iter().collect())
    }

    /// The key that the task declares, or all arguments where it declares none: to change other options for a
    /// call.
    pub fn declared() -> Self {
        Unique { options: Some(Map::new()), error: None }
    }

    /// How long the job holds its key; by default until it has ended, or until it has started with
    /// [`replace`](Unique::replace) and [`postpone`](Unique::postpone), which change pending jobs only.
    pub fn until(self, until: Until) -> Self {
        self.with("until", until_json(until))
    }

    /// The name under which the key is held, in place of the task's: tasks with one name share their keys. 1
    /// to 200 characters. A role with topic grants may use what its grants cover, and what the task declares.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with("name", Value::String(name.into()))
    }

    /// A second call gives the pending job its arguments and options ([`OnConflict::Replace`]).
    pub fn replace(self) -> Self {
        self.on_conflict(OnConflict::Replace)
    }

    /// A second call gives the pending job its arguments, and the job waits anew ([`OnConflict::Postpone`]):
    /// it runs this long after the last publish.
    pub fn postpone(self, wait: Duration) -> Self {
        self.on_conflict(OnConflict::Postpone).with("wait", wait.as_secs_f64().into())
    }

    /// A postponed job runs at the latest this long after it was published first.
    pub fn max_wait(self, wait: Duration) -> Self {
        self.with("max_wait", wait.as_secs_f64().into())
    }

    /// A second call is refused ([`OnConflict::Refuse`]).
    pub fn refuse(self) -> Self {
        self.on_conflict(OnConflict::Refuse)
    }

    /// What a second call does.
    pub fn on_conflict(self, on_conflict: OnConflict) -> Self {
        self.with("on_conflict", on_conflict.as_str().into())
    }

    /// Not unique, although the task declares it.
    pub(crate) fn none() -> Self {
        Unique { options: None, error: None }
    }

    /// These options as SQL takes them.
    #[cfg(feature = "cli")]
    pub(crate) fn from_json(options: Map<String, Value>) -> Self {
        Unique { options: Some(options), error: None }
    }

    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.options.get_or_insert_default().insert(name.to_owned(), value);
        self
    }

    /// What a task declares, with what a call says in its place, by the same rules as in SQL.
    pub(crate) fn over(mut self, declared: Option<Unique>) -> Self {
        let Some(mut below) = declared.and_then(|declared| declared.options) else { return self };
        if let Some(options) = &mut self.options {
            if options.contains_key("key") {
                below.remove("arguments");
            }
            below.append(options);
            *options = below;
        }
        self
    }

    pub(crate) fn is_unique(&self) -> bool {
        self.options.is_some()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let nul = || holds_nul(&self.json()).then(|| "a text holds a NUL character".to_owned());
        match self.error.clone().or_else(nul) {
            Some(reason) => Err(Error::Option { name: "unique", reason }),
            None => Ok(()),
        }
    }

    /// The text that SQL takes.
    pub(crate) fn json(&self) -> String {
        // Cannot fail: the keys are texts.
        self.options
            .as_ref()
            .map_or_else(|| "false".to_owned(), |options| serde_json::to_string(options).unwrap_or_default())
    }
}

/// As SQL takes it: a word, or seconds.
pub(super) fn until_json(until: Until) -> Value {
    match until {
        Until::Started => "started".into(),
        Until::Ended => "ended".into(),
        Until::After(length) => length.as_secs_f64().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_json_is_refused() {
        let key = std::collections::HashMap::from([((1, 2), 3)]);
        assert!(Unique::by(key).check().is_err());
        assert!(Unique::by("a\0b").check().unwrap_err().to_string().contains("NUL"));
    }
}
