//! The program's configuration of its worker, applied before the options of the command line.

use crate::Worker;

type Step = Box<dyn FnOnce(Worker) -> Worker + Send>;

/// Configuration steps of a worker, in their order.
#[derive(Default)]
pub(crate) struct Setup(Vec<Step>);

impl Setup {
    pub(crate) fn add(&mut self, step: impl FnOnce(Worker) -> Worker + Send + 'static) {
        self.0.push(Box::new(step));
    }

    /// The worker as the program configured it.
    pub(crate) fn apply(self, worker: Worker) -> Worker {
        self.0.into_iter().fold(worker, |worker, step| step(worker))
    }
}
