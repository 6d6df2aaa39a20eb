//! Why there is no client.

use std::fmt;

/// Why no client can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Two tasks have the same name, and each job names one.
    DuplicateTask {
        /// The name.
        name: String,
    },
    /// A task's timeout is infinite or not a number, which not every language can write.
    Timeout {
        /// The name of the task.
        task: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::DuplicateTask { name } => {
                write!(f, "two tasks are named {name:?}: give one of them another name, or leave it out")
            }
            Error::Timeout { task } => {
                write!(f, "the timeout of task {task:?} is not finite: give it one in seconds, or none")
            }
        }
    }
}

impl std::error::Error for Error {}
