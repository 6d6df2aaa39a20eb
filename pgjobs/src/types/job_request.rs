//! A job before it is published.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::body::holds_nul;
use super::error::Error;
use super::job_id::JobId;
use super::options::CallOptions;

/// Name, body and options of one job.
#[derive(Debug, Clone)]
pub(crate) struct JobRequest {
    pub(crate) task: Cow<'static, str>,
    pub(crate) body: Box<RawValue>,
    pub(crate) options: CallOptions,
    /// Known before the database is asked, for a job that is sent later.
    pub(crate) id: Option<JobId>,
    /// May lie in one row with others: only workers consume it, and they end it in statements of their own.
    pub(crate) together: bool,
    /// Made by the task's own type, so that the database need not check it: it may even know an older form
    /// of the task only, while versions of a program run side by side.
    pub(crate) checked: bool,
}

impl JobRequest {
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
        Ok(JobRequest { task, body, options, id: None, together: false, checked: false })
    }
}
