//! The canvas: nodes and what they wait for, until they are published (`publish`).

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::after::{After, Open};
use super::call::Call;
use super::draft::{Given, Shared, Work};
use super::gives::{Gives, GivesChunks, GivesEach};
use super::include::Included;
use super::node::{Group, Node, Returns};
use super::options::FlowOptions;
use crate::publish::{draft_of, options_of};
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;
use crate::types::workflow::OnFailure;

/// A workflow before it is published: nodes, and which waits for which.
///
/// Nodes wait for nothing unless something is said: [`then`](Flow::then), [`map`](Flow::map) and
/// [`chunks`](Flow::chunks) take the result of a parent, [`Node::after`] waits without taking it. See
/// [`workflow`](super) for an example.
///
/// `R` is the type of its result: see [`returns`](Flow::returns).
#[must_use = "a flow does nothing until it is published"]
pub struct Flow<R = Value> {
    pub(super) nodes: Vec<Shared>,
    pub(super) options: FlowOptions,
    result: PhantomData<fn() -> R>,
}

impl Flow<Value> {
    /// A flow without nodes. Its name is for people: several workflows may have one name. 1 to 200
    /// characters.
    pub fn new(name: impl Into<String>) -> Self {
        Flow { nodes: Vec::new(), options: FlowOptions::new(Some(name.into())), result: PhantomData }
    }

    pub(super) fn unnamed() -> Self {
        Flow { nodes: Vec::new(), options: FlowOptions::new(None), result: PhantomData }
    }
}

impl<R> Flow<R> {
    /// Adds a node of one job. It runs at once, unless [`Node::after`] says after what.
    ///
    /// Names are of 1 to 200 characters, and differ within a workflow; the database refuses others.
    pub fn node<C: Call>(&mut self, name: impl Into<String>, call: C) -> Node<C::Output> {
        Node::of(self.add(name.into(), call.request(), Work::One))
    }

    /// Adds a node of one job that runs when the parent has succeeded, and gets its result as the argument
    /// left open. [`Gives`] lists what may be that argument; with another one the program does not compile.
    pub fn then<P, A>(
        &mut self,
        name: impl Into<String>,
        parent: P,
        call: A,
    ) -> Node<<A::Call as Task>::Output>
    where
        A: Open,
        P: Gives<A::In>,
    {
        let call = call.open();
        let params = call.params.iter().map(|param| (*param).to_owned());
        let node = self.add(name.into(), call.request(), Work::One);
        node.lock().bind(params, parent.given());
        Node::of(node)
    }

    /// Adds a node of many jobs of one task: any number, also none.
    pub fn group<T: Task>(
        &mut self,
        name: impl Into<String>,
        calls: impl IntoIterator<Item = T>,
    ) -> Group<T::Output> {
        let requests: Result<Vec<JobRequest>, Error> =
            calls.into_iter().map(|call| draft_of(&call)).collect();
        let (first, bodies) = match requests {
            Ok(requests) => {
                let bodies = requests.into_iter().map(|request| request.body).collect();
                let none = Map::<String, Value>::new();
                let any = JobRequest::new(Cow::Borrowed(T::DEF.name), [(); 0], none, options_of::<T>());
                (any.map(|request| JobRequest { checked: true, ..request }), bodies)
            }
            Err(error) => (Err(error), Vec::new()),
        };
        self.many(name.into(), first, Work::Each(bodies))
    }

    /// Adds a node of a job for each element of a list: of the `Vec` that a node returns, or of the results
    /// of a group. The element is the argument left open.
    pub fn map<P, A>(&mut self, name: impl Into<String>, list: P, call: A) -> Group<<A::Call as Task>::Output>
    where
        A: Open,
        P: GivesEach<A::In>,
    {
        self.over(name.into(), list.list(), None, call.open())
    }

    /// As [`map`](Flow::map), with a job for each `size` elements, the last one for what is left: the
    /// argument left open is a `Vec`.
    pub fn chunks<P, A>(
        &mut self,
        name: impl Into<String>,
        list: P,
        size: usize,
        call: A,
    ) -> Group<<A::Call as Task>::Output>
    where
        A: Open,
        P: GivesChunks<A::In>,
    {
        self.over(name.into(), list.list(), Some(size), call.open())
    }

    fn over<C: Task, In>(
        &mut self,
        name: String,
        list: Given,
        chunk: Option<usize>,
        call: After<C, In>,
    ) -> Group<C::Output> {
        let param = call.params.first().copied().unwrap_or_default();
        let work = Work::Of { list: list.clone(), param, chunk };
        let group = self.many(name, call.request(), work);
        group.draft.lock().follow([&list]);
        group
    }

    fn many<T>(&mut self, name: String, request: Result<JobRequest, Error>, work: Work) -> Group<T> {
        let draft = self.add(name, request, work);
        // What returns nothing leaves nothing to read.
        draft.lock().keeps_results = std::any::type_name::<T>() != "()";
        Group::of(draft)
    }

    fn add(&mut self, name: String, request: Result<JobRequest, Error>, work: Work) -> Shared {
        let draft = Shared::new(name, request, work);
        self.nodes.push(draft.clone());
        draft
    }

    /// Takes in the nodes of another flow, each under `prefix/name`; its handles stay what they are. Its own
    /// options (its name, what a failure does, its deadline, notes) are those of this flow then.
    ///
    /// Nodes of the other flow may come after nodes of this one, before or after it is taken in.
    ///
    /// ```
    /// use pgjobs::{TaskError, task, workflow::{Flow, Node}};
    ///
    /// #[task] async fn pack(order: i64) -> Result<u32, TaskError> { Ok(1) }
    /// #[task] async fn send(parcels: u32) -> Result<String, TaskError> { Ok("label".to_owned()) }
    /// #[task] async fn mail(label: String, order: i64) {}
    ///
    /// fn shipping(order: i64) -> (Flow, Node<String>) {
    ///     let mut flow = Flow::new("shipping");
    ///     let parcels = flow.node("pack", pack::new(order));
    ///     let label = flow.then("send", parcels, send::after());
    ///     (flow, label)
    /// }
    ///
    /// let mut flow = Flow::new("order");
    /// let (part, label) = shipping(7);
    /// let _ = flow.include("shipping", part);
    /// flow.then("mail", label, mail::after(7));
    /// ```
    pub fn include<S>(&mut self, prefix: impl fmt::Display, other: Flow<S>) -> Included {
        for node in &other.nodes {
            let mut draft = node.lock();
            if !matches!(draft.work, Work::Existing) {
                draft.name = format!("{prefix}/{}", draft.name);
            }
        }
        self.nodes.extend(other.nodes.iter().cloned());
        Included::new(other.nodes)
    }

    /// A node that the workflow has already, by its name, and which returns a `T`: for nodes that a running
    /// job adds, see [`Job::workflow`](crate::Job::workflow).
    pub fn existing<T>(&mut self, name: impl Into<String>) -> Node<T> {
        Node::of(self.present(name.into()))
    }

    /// As [`existing`](Flow::existing), for a group.
    pub fn existing_group<T>(&mut self, name: impl Into<String>) -> Group<T> {
        Group::of(self.present(name.into()))
    }

    fn present(&mut self, name: String) -> Shared {
        let draft = Shared::existing(name);
        self.nodes.push(draft.clone());
        draft
    }

    /// Whose result is the result of the workflow; without this it is that of the only node that nobody waits
    /// for, or an object with those of all such nodes, by name.
    pub fn returns<N: Returns>(self, node: N) -> Flow<N::Value> {
        let options = FlowOptions { result_of: Some(node.draft().clone()), ..self.options };
        Flow { nodes: self.nodes, options, result: PhantomData }
    }

    /// What the failure of a node does to those that need its success; [`OnFailure::Hold`] unless this says
    /// otherwise. With [`OnFailure::Continue`], a node whose argument is a plain value cannot run without it
    /// and is cancelled; those that take a `Result`, or no result, go on.
    pub fn on_failure(mut self, choice: OnFailure) -> Self {
        self.options.on_failure = choice;
        self
    }

    /// What has not ended this long after publishing is cancelled.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// What has not ended at this time is cancelled.
    pub fn deadline(mut self, at: DateTime<Utc>) -> Self {
        self.options.deadline = Some(at);
        self
    }

    /// Notes a value on the workflow, for people; what is for its jobs is noted on nodes. It holds no
    /// secrets.
    pub fn meta(mut self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.options.meta.set(key.into(), value);
        self
    }
}

impl<R> fmt::Debug for Flow<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<String> = self.nodes.iter().map(|node| node.lock().name.clone()).collect();
        f.debug_struct("Flow")
            .field("name", &self.options.name)
            .field("nodes", &nodes)
            .finish_non_exhaustive()
    }
}
