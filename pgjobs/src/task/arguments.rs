//! How the arguments of a task are read from the body of a job.

use serde::de::DeserializeOwned;

use crate::types::body::{self, BodyError, Param};

/// What a task takes.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    /// The task's name, for errors.
    pub(crate) task: &'static str,
    pub(crate) params: &'static [Param],
    /// Whether keywords beyond `params` are accepted.
    pub(crate) extra_kwargs: bool,
}

impl Arguments {
    /// Reads them by Python's binding rules.
    pub(crate) fn read<T: DeserializeOwned>(&self, body: Option<&str>) -> Result<T, BodyError> {
        body::read(body, self.params, self.extra_kwargs)
    }
}
