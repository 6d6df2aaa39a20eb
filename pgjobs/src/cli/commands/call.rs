//! The options of commands that build a job: its arguments and what `publish` and `schedule set` say of it.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use crate::NewJob;
use crate::admin::Edit;
use crate::cli::args::values;
use crate::cli::output::failure::Failure;
use crate::types::meta::TAGS;

#[derive(Args)]
pub(crate) struct CallArgs {
    /// Positional arguments, all at once, before those of --arg.
    #[arg(long, value_name = "JSON-ARRAY", value_parser = values::array)]
    args: Option<Array>,
    /// Keyword arguments, all at once.
    #[arg(long, value_name = "JSON-OBJECT", value_parser = values::object)]
    kwargs: Option<Object>,
    /// One positional argument.
    #[arg(long, value_name = "VALUE", value_parser = values::argument, allow_hyphen_values = true)]
    arg: Vec<Value>,
    /// One keyword argument.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::keyword)]
    kwarg: Vec<(String, Value)>,
    /// Greater runs first; by default, as the next two, what the task declares.
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    priority: Option<i32>,
    /// Attempts in all before the job ends as failed: 3 means at most three runs.
    #[arg(long, value_name = "N")]
    retries: Option<u32>,
    /// The longest a run may take, such as 30s.
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    timeout: Option<Duration>,
    /// Note a value on the job beside its arguments; listings show it.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::keyword)]
    meta: Vec<(String, Value)>,
    /// Note a tag on the job.
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

/// An alias, because clap takes a `Vec` for an option that may be given several times.
type Array = Vec<Value>;
pub(super) type Object = Vec<(String, Value)>;

impl CallArgs {
    /// Whether it has arguments, so that a job's own are to be replaced.
    pub(super) fn has_arguments(&self) -> bool {
        self.args.is_some() || self.kwargs.is_some() || !self.arg.is_empty() || !self.kwarg.is_empty()
    }

    /// An edit that also sets these options.
    pub(super) fn options_of(&self, mut edit: Edit) -> Edit {
        if let Some(priority) = self.priority {
            edit = edit.priority(priority);
        }
        if let Some(retries) = self.retries {
            edit = edit.retries(retries);
        }
        if let Some(timeout) = self.timeout {
            edit = edit.timeout(timeout);
        }
        if self.meta.is_empty() && self.tag.is_empty() {
            return edit;
        }
        let mut meta: Map<String, Value> = self.meta.iter().cloned().collect();
        if !self.tag.is_empty() {
            meta.insert(TAGS.to_owned(), self.tag.clone().into());
        }
        edit.meta(meta)
    }

    /// A job of this task with these options.
    pub(super) fn job(self, task: String) -> Result<NewJob, Failure> {
        let values = self.args.into_iter().flatten().chain(self.arg);
        let kwargs: Vec<_> = self.kwargs.into_iter().flatten().chain(self.kwarg).collect();
        let mut names = HashSet::new();
        if let Some((name, _)) = kwargs.iter().find(|(name, _)| !names.insert(name)) {
            return Err(Failure::usage(format!(
                "the keyword argument `{name}` is given twice: leave one out"
            )));
        }
        let mut call = values.fold(NewJob::named(task), NewJob::arg);
        call = kwargs.into_iter().fold(call, |call, (name, value)| call.kwarg(name, value));
        call = self.meta.into_iter().fold(call, |call, (name, value)| call.meta(name, value));
        call = self.tag.into_iter().fold(call, NewJob::tag);
        if let Some(priority) = self.priority {
            call = call.priority(priority);
        }
        if let Some(retries) = self.retries {
            call = call.retries(retries);
        }
        Ok(match self.timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        })
    }
}
