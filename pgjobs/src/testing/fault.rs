//! Injected failures: what goes wrong in the next runs of a task.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::task::job::Job;
use crate::task::layer::{Layer, Next};
use crate::types::task_error::{RunResult, TaskError};

/// What goes wrong in a run, for [`Database::inject`](super::Database::inject).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The run ends in this error instead of calling the task; it is retried with the task's backoff.
    Error(String),
    /// The run ends as after a panic, without the task.
    Panic,
    /// The run ends as at its time limit, without the task and at once.
    Timeout,
    /// The worker dies before it calls the task: the job was claimed, and nothing of it happened.
    DieBefore,
    /// The worker dies when the task has returned and before the database has heard of it: everything that
    /// the task did has happened, and it will run again. Whether that does harm is what this fault shows.
    DieAfter,
}

/// A fault and the runs that it waits for.
#[derive(Debug)]
struct Planned {
    names: Vec<&'static str>,
    fault: Fault,
    left: u32,
}

/// The faults that a database's next runs meet, first come, first served; shared by all clones.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults(Arc<Mutex<Vec<Planned>>>);

impl Faults {
    pub(super) fn plan(&self, names: Vec<&'static str>, fault: Fault, left: u32) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Planned { names, fault, left });
    }

    fn next(&self, task: &str) -> Option<Fault> {
        let mut planned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = planned.iter_mut().find(|one| one.left > 0 && one.names.contains(&task))?;
        one.left -= 1;
        Some(one.fault.clone())
    }
}

/// The innermost layer of a test's worker: what it does to a run, the program's own layers see.
pub(super) struct Injection {
    pub(super) faults: Faults,
    /// Notified when the worker has to die.
    pub(super) death: Arc<Notify>,
}

impl Layer for Injection {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        match self.faults.next(job.task()) {
            None => next.run().await,
            Some(Fault::Error(message)) => Err(TaskError::new(message)),
            Some(Fault::Panic) => Err(TaskError::panicked("panicked: an injected fault".to_owned())),
            Some(Fault::Timeout) => Err(TaskError::timed_out("timed out: an injected fault".to_owned())),
            Some(Fault::DieBefore) => self.die().await,
            Some(Fault::DieAfter) => {
                let _unheard = next.run().await;
                self.die().await
            }
        }
    }
}

impl Injection {
    /// The run ends here, with its worker.
    async fn die(&self) -> RunResult {
        self.death.notify_one();
        std::future::pending().await
    }
}
