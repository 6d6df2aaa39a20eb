//! A job before it is published.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::holds_nul;
use crate::error::Error;
use crate::job::JobId;
use crate::options::CallOptions;
use crate::task::Task;

/// Name, body and options of one job.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) task: Cow<'static, str>,
    pub(crate) body: Box<RawValue>,
    pub(crate) options: CallOptions,
    /// Known before the database is asked, for a job that is sent later.
    pub(crate) id: Option<JobId>,
}

impl Draft {
    pub(crate) fn of<T: Task>(call: &T) -> Result<Self, Error> {
        Draft::new(Cow::Borrowed(T::DEF.name), [(); 0], call, CallOptions::of(&T::DEF.options))
    }

    pub(crate) fn new(
        task: Cow<'static, str>,
        args: impl Serialize,
        kwargs: impl Serialize,
        options: CallOptions,
    ) -> Result<Self, Error> {
        #[derive(Serialize)]
        struct Body<A, K> {
            args: A,
            kwargs: K,
        }
        let body = serde_json::value::to_raw_value(&Body { args, kwargs })
            .map_err(|e| Error::Encode(format!("the arguments of `{task}`: {e}")))?;
        if holds_nul(body.get()) {
            let reason = "a text holds a NUL character, which jsonb cannot store";
            return Err(Error::Encode(format!("the arguments of `{task}`: {reason}")));
        }
        Ok(Draft { task, body, options, id: None })
    }
}

/// The options that every publishing builder has; `$options` is the field that holds them.
macro_rules! option_setters {
    ($($options:ident).+) => {
        /// Runs in all before the job ends as failed: 3 means at most three runs. 1 to 1000.
        pub fn retries(mut self, runs: u32) -> Self {
            self.$($options).+.retries = Some(runs);
            self
        }

        /// The longest a run may take, from 10 ms to 7 days.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.$($options).+.timeout = Some(timeout);
            self
        }

        /// Greater runs first; 0 unless the task says otherwise.
        pub fn priority(mut self, priority: i32) -> Self {
            self.$($options).+.priority = Some(priority);
            self
        }

        /// Not before this time.
        pub fn scheduled_at(mut self, at: chrono::DateTime<chrono::Utc>) -> Self {
            self.$($options).+.due = $crate::options::Due::At(at);
            self
        }

        /// Not before this long after publishing, by the database's clock.
        pub fn delay(mut self, delay: std::time::Duration) -> Self {
            self.$($options).+.due = $crate::options::Due::After(delay);
            self
        }
    };
}
pub(crate) use option_setters;
