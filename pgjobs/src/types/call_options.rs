//! The options of one call: they override the task's, and these override the defaults.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::error::Error;
use super::meta::Meta;
use super::options::TaskOptions;
use super::task_unique::TaskUnique;
use super::unique::Unique;

/// When a call should run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Due {
    Now,
    At(DateTime<Utc>),
    /// By the database's clock, from the moment of publishing.
    After(Duration),
}

/// The options of one call, merged with its task's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallOptions {
    pub(crate) retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: Option<i32>,
    pub(crate) due: Due,
    pub(crate) meta: Meta,
    /// `None`: as the database knows the task.
    pub(crate) unique: Option<Box<Unique>>,
}

impl CallOptions {
    /// Nothing set: the database's defaults.
    pub(crate) fn none() -> Self {
        CallOptions {
            retries: None,
            timeout: None,
            priority: None,
            due: Due::Now,
            meta: Meta::default(),
            unique: None,
        }
    }

    pub(crate) fn of(task: &TaskOptions, unique: Option<&TaskUnique>) -> Self {
        CallOptions {
            retries: Some(task.retries),
            timeout: Some(task.timeout),
            priority: Some(task.priority),
            due: Due::Now,
            meta: Meta::default(),
            unique: unique.map(|unique| Box::new(unique.call())),
        }
    }

    /// Refuses values that cannot be passed to SQL; the database checks the ranges themselves, for all
    /// clients.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.delay_seconds().is_some_and(|seconds| seconds > 3650.0 * 86_400.0) {
            return Err(Error::Option { name: "delay", reason: "must not exceed 3650 days".into() });
        }
        if self.retries.is_some_and(|n| i32::try_from(n).is_err()) {
            return Err(Error::Option { name: "retries", reason: "must lie within 1..=1000".into() });
        }
        self.unique.as_ref().map_or(Ok(()), |unique| unique.check())?;
        self.meta.check()
    }

    /// Puts what a call says in place of what its task declares.
    pub(crate) fn set_unique(&mut self, unique: Unique) {
        let declared = self.unique.take().map(|declared| *declared);
        self.unique = Some(Box::new(unique.over(declared)));
    }

    /// What makes the call one of a kind, as JSON text; `None`: nothing is said.
    pub(crate) fn unique_json(&self) -> Option<String> {
        self.unique.as_ref().map(|unique| unique.json())
    }

    pub(crate) fn scheduled_at(&self) -> Option<DateTime<Utc>> {
        match self.due {
            Due::At(at) => Some(at),
            _ => None,
        }
    }

    pub(crate) fn delay_seconds(&self) -> Option<f64> {
        match self.due {
            Due::After(delay) => Some(delay.as_secs_f64()),
            _ => None,
        }
    }
}
