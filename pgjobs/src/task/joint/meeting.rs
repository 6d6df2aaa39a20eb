//! Where the jobs of a joint run meet, and the joint run itself.
//!
//! Each job of a batch handler is a run of its own, with its own span, layers, hooks and outcome. Where another
//! task would be called, inside of the layers, it takes its seat in a meeting. When every job has come or has
//! gone another way (a layer skipped it, or ended it), the function is called for those that are there.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use super::context::{Answers, JointContext};
use crate::task::definition::TaskDef;
use crate::task::handler::Many;
use crate::task::job::Job;
use crate::task::limit::{Limit, panic_message};
use crate::task::state::State;
#[cfg(feature = "otel")]
use crate::task::trace;
use crate::types::task_error::{RunResult, TaskError};

/// How long those that have come wait for jobs that are still in their layers. A later one is called apart.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is called, and with what.
#[derive(Clone)]
pub(crate) struct Callee {
    pub(crate) def: &'static TaskDef,
    pub(crate) many: Many,
    pub(crate) state: Arc<State>,
}

/// The place of one job in a meeting. Dropped unused, it shows that the job will not come.
pub(crate) struct Seat(mpsc::UnboundedSender<Arrival>);

/// A job that has come.
struct Arrival {
    job: Arc<Job>,
    limit: Limit,
    answer: oneshot::Sender<RunResult>,
    /// Ends when the run of the job ends, with its answer or without.
    gone: oneshot::Receiver<Infallible>,
    span: Option<tracing::span::Id>,
}

impl Seat {
    /// Waits for the joint run, and returns how this job ended in it.
    pub(crate) async fn take(self, job: &Arc<Job>, limit: Limit) -> RunResult {
        if limit.left().is_zero() {
            return Err(limit.is_over());
        }
        let (answer, answered) = oneshot::channel();
        let (_present, gone) = oneshot::channel();
        let span = Span::current().id();
        let _ = self.0.send(Arrival { job: job.clone(), limit, answer, gone, span });
        drop(self); // it has come: the meeting does not wait for it any more
        answered.await.unwrap_or_else(|_| Err(TaskError::new("the joint run ended without an outcome")))
    }
}

/// A meeting with its seats, to be held before they are taken.
pub(crate) struct Meeting {
    callee: Callee,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
}

impl Meeting {
    /// A meeting of so many jobs.
    pub(crate) fn of(callee: Callee, jobs: usize) -> (Self, Vec<Seat>) {
        let (seat, arrivals) = mpsc::unbounded_channel();
        let seats = (0..jobs).map(|_| Seat(seat.clone())).collect();
        (Meeting { callee, arrivals }, seats)
    }

    /// Calls the handler for all who come: once, or again for those who were late.
    pub(crate) async fn hold(mut self) {
        while let Some(first) = self.arrivals.recv().await {
            let here = self.gather(first).await;
            let run = joint_run(self.callee.clone(), here);
            tokio::spawn(run); // beside those who are still to come, whose time goes on
        }
    }

    /// Waits until nobody is expected any more, or for as long as the first one has patience.
    async fn gather(&mut self, first: Arrival) -> Vec<Arrival> {
        let mut here = vec![first];
        let others = async {
            while let Some(next) = self.arrivals.recv().await {
                here.push(next);
            }
        };
        let _ = timeout(PATIENCE, others).await;
        here.retain(|arrival| !arrival.answer.is_closed());
        here
    }
}

/// Runs a job that shares its joint run with no other.
pub(crate) async fn run_alone(callee: Callee, job: &Arc<Job>, limit: Limit) -> RunResult {
    let (seat, arrivals) = mpsc::unbounded_channel();
    let meeting = Meeting { callee, arrivals };
    let (result, ()) = tokio::join!(Seat(seat).take(job, limit), meeting.hold());
    result
}

/// Calls the function for the jobs that have come, and answers each of them.
async fn joint_run(callee: Callee, here: Vec<Arrival>) {
    let Some(least) = here.iter().map(|arrival| arrival.limit).min_by_key(Limit::left) else { return };
    let task = callee.def.name;
    let (mut jobs, mut answers, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    let span = new_span(task, here.len());
    #[cfg(feature = "otel")]
    trace::begin_joint(&span, task, here.iter().map(|arrival| &arrival.job));
    for arrival in here {
        jobs.push(arrival.job);
        answers.push(arrival.answer);
        gone.push(arrival.gone);
        span.follows_from(arrival.span);
    }
    let (number, answers) = (jobs.len(), Arc::new(Answers::new(answers)));
    let context = JointContext::new(callee.def.arguments(), jobs, answers.clone(), callee.state);
    tokio::select! {
        biased;
        error = call(callee.many, context, least).instrument(span) => {
            answers.give_rest(&error.of_joint_run(number));
        }
        _ = join_all(gone) => {} // every run was cut off: nobody waits for this one
    }
}

/// The names of OpenTelemetry are filled where it is there.
fn new_span(task: &str, jobs: usize) -> Span {
    use tracing::field::Empty;
    tracing::info_span!("joint_run", task, jobs, otel.name = Empty, otel.kind = Empty)
}

/// Calls the function within this time; returns the error of the jobs to which it gave no outcome.
async fn call(many: Many, context: JointContext, limit: Limit) -> TaskError {
    if limit.left().is_zero() {
        return limit.is_over(); // `timeout` would let it begin
    }
    // Called inside of the future, so that a panic before the first `.await` is caught too.
    let work = AssertUnwindSafe(async { (many.run)(context).await }).catch_unwind();
    match timeout(limit.left(), work).await {
        Ok(Ok(Ok(()))) => TaskError::new("the batch handler gave this job no outcome"),
        Ok(Ok(Err(error))) => error,
        Ok(Err(panic)) => TaskError::panicked(format!("panicked: {}", panic_message(&*panic))),
        Err(_) => limit.is_over(),
    }
}
