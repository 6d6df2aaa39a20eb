//! Short forms: chains, groups and chords, with names that come from their tasks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::after::Open;
use super::call::Call;
use super::flow::Flow;
use super::gives::{Gives, GivesChunks, GivesEach};
use super::handle::WorkflowHandle;
use super::node::{Group, Node, Returns};
use crate::publish::Publisher;
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::workflow::OnFailure;

/// A workflow in which each node comes after the one before, without names: each is called as its task. Made
/// by [`chain`], [`group`] and [`chord`].
///
/// `N` is its last node, whose result is the result of the workflow.
#[must_use = "a chain does nothing until it is published"]
pub struct Chain<N> {
    flow: Flow,
    last: N,
}

/// Begins a chain with a job.
///
/// ```no_run
/// use pgjobs::{TaskError, task, workflow::chain};
/// #[task] async fn fetch(url: String) -> Result<String, TaskError> { Ok(url) }
/// #[task] async fn parse(page: String) -> Result<Vec<String>, TaskError> { Ok(vec![page]) }
/// #[task]
/// async fn store(links: Vec<String>, #[default(false)] replace: bool) -> Result<usize, TaskError> {
///     Ok(links.len())
/// }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let url = "https://example.org".to_owned();
/// let pages = chain(fetch::new(url)).then(parse::after()).then(store::after().replace(true));
/// let run = pages.publish(&pool).await?;
/// let links: usize = run.wait(&pool).await?;
/// # Ok(()) }
/// ```
pub fn chain<C: Call>(call: C) -> Chain<Node<C::Output>> {
    let (mut flow, task) = (Flow::unnamed(), call.task());
    let last = flow.node(name(&Flow::unnamed(), &task), call);
    Chain { flow, last }
}

/// Begins a chain with a group of jobs of one task, which run at the same time; by itself it is a workflow
/// that returns the list of their results.
///
/// ```no_run
/// use pgjobs::{TaskError, task, workflow::group};
/// #[task] async fn square(n: u64) -> Result<u64, TaskError> { Ok(n * n) }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let run = group((1..=3).map(square::new)).publish(&pool).await?;
/// assert_eq!(run.wait(&pool).await?, [1, 4, 9]);
/// # Ok(()) }
/// ```
pub fn group<T: Task>(calls: impl IntoIterator<Item = T>) -> Chain<Group<T::Output>> {
    let mut flow = Flow::unnamed();
    let last = flow.group(name(&Flow::unnamed(), T::DEF.name), calls);
    Chain { flow, last }
}

/// A group, and a body that runs with the list of its results: `group(calls).then(body)`.
///
/// ```no_run
/// use pgjobs::{TaskError, task, workflow::chord};
/// #[task] async fn square(n: u64) -> Result<u64, TaskError> { Ok(n * n) }
/// #[task] async fn sum(squares: Vec<u64>) -> Result<u64, TaskError> { Ok(squares.iter().sum()) }
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let run = chord((1..=3).map(square::new), sum::after()).publish(&pool).await?;
/// assert_eq!(run.wait(&pool).await?, 14);
/// # Ok(()) }
/// ```
pub fn chord<T, A>(calls: impl IntoIterator<Item = T>, body: A) -> Chain<Node<<A::Call as Task>::Output>>
where
    T: Task,
    A: Open,
    Group<T::Output>: Gives<A::In>,
{
    group(calls).then(body)
}

impl<N> Chain<N> {
    /// Goes on with a job that takes the result, as [`Flow::then`].
    pub fn then<A>(mut self, call: A) -> Chain<Node<<A::Call as Task>::Output>>
    where
        A: Open,
        N: Gives<A::In>,
    {
        let name = name(&self.flow, <A::Call as Task>::DEF.name);
        let last = self.flow.then(name, &self.last, call);
        Chain { flow: self.flow, last }
    }

    /// Goes on with a job for each element of the result, as [`Flow::map`].
    pub fn map<A>(mut self, call: A) -> Chain<Group<<A::Call as Task>::Output>>
    where
        A: Open,
        N: GivesEach<A::In>,
    {
        let name = name(&self.flow, <A::Call as Task>::DEF.name);
        let last = self.flow.map(name, &self.last, call);
        Chain { flow: self.flow, last }
    }

    /// Goes on with a job for each `size` elements of the result, as [`Flow::chunks`].
    pub fn chunks<A>(mut self, size: usize, call: A) -> Chain<Group<<A::Call as Task>::Output>>
    where
        A: Open,
        N: GivesChunks<A::In>,
    {
        let name = name(&self.flow, <A::Call as Task>::DEF.name);
        let last = self.flow.chunks(name, &self.last, size, call);
        Chain { flow: self.flow, last }
    }

    /// Sets options of the last node: `.with(|node| node.priority(5))`.
    pub fn with(self, set: impl FnOnce(N) -> N) -> Self {
        Chain { flow: self.flow, last: set(self.last) }
    }

    /// Names the workflow.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.flow.options.name = Some(name.into());
        self
    }

    /// As [`Flow::on_failure`].
    pub fn on_failure(self, choice: OnFailure) -> Self {
        Chain { flow: self.flow.on_failure(choice), last: self.last }
    }

    /// As [`Flow::timeout`].
    pub fn timeout(self, timeout: Duration) -> Self {
        Chain { flow: self.flow.timeout(timeout), last: self.last }
    }

    /// As [`Flow::deadline`].
    pub fn deadline(self, at: DateTime<Utc>) -> Self {
        Chain { flow: self.flow.deadline(at), last: self.last }
    }

    /// As [`Flow::meta`].
    pub fn meta(self, key: impl Into<String>, value: impl Serialize) -> Self {
        Chain { flow: self.flow.meta(key, value), last: self.last }
    }

    /// The flow and the last node of it: to go on with other nodes, or to take it into another flow.
    pub fn into_flow(self) -> (Flow, N) {
        (self.flow, self.last)
    }
}

impl<N: Returns> Chain<N> {
    /// Publishes it, as [`Flow::publish`].
    ///
    /// # Errors
    /// As [`Flow::publish`].
    pub async fn publish<'c>(self, publisher: impl Publisher<'c>) -> Result<WorkflowHandle<N::Value>, Error> {
        self.flow.returns(self.last).publish(publisher).await
    }
}

impl<N: std::fmt::Debug> std::fmt::Debug for Chain<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("flow", &self.flow).field("last", &self.last).finish()
    }
}

/// The last part of the task's name, with a number where the flow has nodes that are called so.
fn name(flow: &Flow, task: &str) -> String {
    let short = task.rsplit('.').next().unwrap_or(task);
    let number = |name: &str| name.strip_prefix(short)?.strip_prefix('-')?.parse().ok();
    let taken = |name: &str| if name == short { Some(1_usize) } else { number(name) };
    match flow.nodes.iter().filter_map(|node| taken(&node.lock().name)).max() {
        Some(last) => format!("{short}-{}", last.saturating_add(1)),
        None => short.to_owned(),
    }
}
