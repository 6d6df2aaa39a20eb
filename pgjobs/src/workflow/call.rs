//! Calls that are complete, of which a flow makes nodes.

use serde_json::Value;

use crate::publish::{NewJob, draft_of};
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// A complete call: of a task of this program, `my_task::new(…)`, or by name ([`NewJob`]).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a complete call of a task",
    label = "expected `my_task::new(…)` or a `NewJob`",
    note = "a call with an argument left open, `my_task::after(…)`, is given to `flow.then(name, parent, call)`"
)]
pub trait Call {
    /// What it returns; of a call by name, JSON.
    type Output;

    #[doc(hidden)]
    fn request(self) -> Result<JobRequest, Error>;

    #[doc(hidden)]
    fn task(&self) -> String;
}

impl<T: Task> Call for T {
    type Output = T::Output;

    fn request(self) -> Result<JobRequest, Error> {
        draft_of(&self)
    }

    fn task(&self) -> String {
        T::DEF.name.to_owned()
    }
}

impl Call for NewJob {
    type Output = Value;

    fn request(self) -> Result<JobRequest, Error> {
        NewJob::request(self)
    }

    fn task(&self) -> String {
        self.name().to_owned()
    }
}
