//! What the user is told of each run.

use std::time::Duration;

use crate::job::Job;
use crate::outcome::TaskError;

type OnStart = Box<dyn Fn(&Job) + Send + Sync>;
type OnSuccess = Box<dyn Fn(&Job, Duration) + Send + Sync>;
type OnFailure = Box<dyn Fn(&Job, &TaskError) + Send + Sync>;

#[derive(Default)]
pub(super) struct Hooks {
    pub(super) start: Option<OnStart>,
    pub(super) success: Option<OnSuccess>,
    pub(super) failure: Option<OnFailure>,
}

impl Hooks {
    pub(super) fn started(&self, job: &Job) {
        if let Some(hook) = &self.start {
            hook(job);
        }
    }

    pub(super) fn succeeded(&self, job: &Job, took: Duration) {
        if let Some(hook) = &self.success {
            hook(job, took);
        }
    }

    pub(super) fn failed(&self, job: &Job, error: &TaskError) {
        if let Some(hook) = &self.failure {
            hook(job, error);
        }
    }
}
