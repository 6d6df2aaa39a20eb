//! Layers: code of the program's own around every run of a worker.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde::Serialize;
use tokio::time::{Instant, timeout};

use super::context::Context;
use super::definition::TaskDef;
use super::handler::Handler;
use super::job::Job;
use super::joint::meeting::{Callee, Seat, run_alone};
use super::limit::{Limit, panic_message};
use super::state::State;
use crate::types::task_error::{RunResult, TaskError, encode_result};

/// Code around every run of a worker, added with [`Worker::layer`](crate::Worker::layer).
///
/// A layer calls [`next.run()`](Next::run), which runs the layers added after it and then the task, and
/// returns what the run shall end with. So it may work before and after the task, look at the result, return
/// another one, or not run the task at all. The first layer that was added is the outermost.
///
/// ```no_run
/// use std::time::{Duration, Instant};
/// use pgjobs::layers::{Layer, Next, RunResult};
/// use pgjobs::{Job, TaskError, Worker};
///
/// /// Measures each run.
/// struct Timing;
///
/// impl Layer for Timing {
///     async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
///         let started = Instant::now();
///         let result = next.run().await;
///         println!("{} took {:?}, ok: {}", job.task(), started.elapsed(), result.is_ok());
///         result
///     }
/// }
///
/// /// Runs a job later, without counting the attempt, when a service that it needs is down.
/// struct Patience;
///
/// impl Layer for Patience {
///     async fn run(&self, _: &Job, next: Next<'_>) -> RunResult {
///         match next.run().await {
///             Err(error) if error.message().contains("503") => Err(TaskError::snooze(Duration::from_secs(60))),
///             result => result,
///         }
///     }
/// }
///
/// # async fn f(pool: pgjobs::sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// Worker::new(pool).layer(Timing).layer(Patience).run().await?; // Timing sees the snooze
/// # Ok(()) }
/// ```
///
/// # Timeouts and panics
/// A layer sees them as errors: [`is_timeout`](TaskError::is_timeout), [`is_panic`](TaskError::is_panic);
/// and a task that is cut off after its job was cancelled as [`is_cancelled`](TaskError::is_cancelled). The
/// job's timeout counts from the first layer's start, so what a layer takes before the task is taken from
/// the task's time. A layer has one second more than what it wraps, so that it can work on a timeout; then
/// it is stopped as well, and the layers around it see that. A panic in a layer is a failure of that run,
/// as a panic in the task is.
///
/// A run that is cut off, because its worker is stopped or its lease is lost, drops its layers where they
/// wait: what has to happen then as well belongs into a `Drop`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer",
    label = "expected a value whose type implements `pgjobs::layers::Layer`",
    note = "implement it: `async fn run(&self, job: &Job, next: Next<'_>) -> RunResult`, which calls `next.run().await`"
)]
pub trait Layer: Send + Sync + 'static {
    /// Runs the job: calls [`next.run()`](Next::run), or returns without the task.
    ///
    /// # Errors
    /// What is returned decides what happens to the job, as the task's own error does: see [`TaskError`].
    fn run(&self, job: &Job, next: Next<'_>) -> impl Future<Output = RunResult> + Send;
}

/// A [`Layer`] of any type.
pub(crate) trait AnyLayer: Send + Sync {
    /// The name of its type, for errors.
    fn name(&self) -> &'static str;
    fn run<'a>(&'a self, job: &'a Job, next: Next<'a>) -> BoxFuture<'a, RunResult>;
}

impl<L: Layer> AnyLayer for L {
    fn name(&self) -> &'static str {
        std::any::type_name::<L>()
    }

    fn run<'a>(&'a self, job: &'a Job, next: Next<'a>) -> BoxFuture<'a, RunResult> {
        Box::pin(Layer::run(self, job, next))
    }
}

/// How much longer than what it wraps a layer may take.
const GRACE: Duration = Duration::from_secs(1);

/// The rest of a run, inside of a [`Layer`]: the layers that were added later, and the task.
pub struct Next<'a> {
    layers: &'a [Arc<dyn AnyLayer>],
    def: &'static TaskDef,
    job: &'a Arc<Job>,
    state: &'a Arc<State>,
    /// Where it meets the other jobs of its joint run.
    seat: Option<Seat>,
    started: Instant,
}

impl<'a> Next<'a> {
    /// The whole run, which starts now.
    pub(crate) fn all(
        layers: &'a [Arc<dyn AnyLayer>],
        def: &'static TaskDef,
        job: &'a Arc<Job>,
        state: &'a Arc<State>,
    ) -> Self {
        Next { layers, def, job, state, seat: None, started: Instant::now() }
    }

    /// The same for a job that shares its run with others; without a seat a batch handler runs it alone.
    pub(crate) fn seated(mut self, seat: Option<Seat>) -> Self {
        self.seat = seat;
        self
    }

    /// Runs the inner layers and the task, once: a further run is a retry, which the error asks for.
    ///
    /// # Errors
    /// The error of the task or of an inner layer; a panic and a timeout are errors too.
    pub async fn run(self) -> RunResult {
        let (job, started) = (self.job, self.started);
        let grace = GRACE.saturating_mul(self.layers.len().try_into().unwrap_or(u32::MAX));
        let limit = Limit::new(started, job.timeout().saturating_add(grace));
        match self.layers.split_first() {
            None => self.run_task(limit).await,
            Some((layer, inner)) => {
                let run = async { layer.run(job, Next { layers: inner, ..self }).await };
                guard(Some(&**layer), limit, run).await
            }
        }
    }

    /// Runs the task. The time of a joint run is that of all its jobs, so their meeting limits it.
    async fn run_task(self, limit: Limit) -> RunResult {
        let Next { def, job, state, seat, .. } = self;
        let result = match (def.run, seat) {
            // Called inside of the future, so that a panic before the first `.await` is caught too.
            (Handler::One(run), _) => {
                let task =
                    async { run(Context::new(def.arguments(), def.steps, job.clone(), state.clone())).await };
                guard(None, limit, unless_cut(job, task)).await
            }
            (Handler::Many(_), Some(seat)) => unless_cut(job, seat.take(job, limit)).await,
            (Handler::Many(many), None) => {
                unless_cut(job, run_alone(Callee { def, many, state: state.clone() }, job, limit)).await
            }
        };
        if result.as_ref().is_err_and(TaskError::is_timeout) {
            job.ending().fire();
        }
        result
    }

    /// Ends the run as a success with this result, without the task.
    ///
    /// For a job whose work is done already or is not wanted any more. `&()` is the result of a task that
    /// returns nothing; whoever waits for the job reads the result as the type that the task returns.
    ///
    /// # Errors
    /// A fatal one when the result cannot be stored as JSON.
    pub fn skip<T: Serialize>(self, result: &T) -> RunResult {
        encode_result(result)
    }
}

/// Runs the task or a layer within its time, and turns a panic and the end of the time into errors.
async fn guard(
    layer: Option<&dyn AnyLayer>,
    limit: Limit,
    run: impl Future<Output = RunResult>,
) -> RunResult {
    let of = || layer.map(|layer| format!("layer `{}` ", layer.name())).unwrap_or_default();
    let timed_out = || Err(TaskError::timed_out(format!("{}timed out after {:?}", of(), limit.length())));
    let left = limit.left();
    if left.is_zero() {
        return timed_out(); // `timeout` would let it begin, and have effects when its time is over
    }
    match timeout(left, AssertUnwindSafe(run).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(TaskError::panicked(format!("{}panicked: {}", of(), panic_message(&*panic)))),
        Err(_) => timed_out(),
    }
}

/// Runs the task, or as much of it as there is time for after its job was cancelled: then it is dropped
/// where it waits, and the layers see an error. It is dropped too where it sleeps or waits for a signal, and
/// then they see a snooze.
async fn unless_cut(job: &Job, task: impl Future<Output = RunResult>) -> RunResult {
    let mut task = pin!(task);
    std::future::poll_fn(|cx| match job.ending().is_cut(cx) {
        true => Poll::Ready(Err(TaskError::cancelled("cancelled: cut off when its grace was over"))),
        false => match (task.as_mut().poll(cx), job.ending().suspended()) {
            (Poll::Pending, Some(time)) => Poll::Ready(Err(TaskError::snooze(time))),
            (polled, _) => polled,
        },
    })
    .await
}

#[cfg(test)]
mod tests;
