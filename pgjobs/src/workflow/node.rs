//! The nodes of a flow: what they run, after what, and with which options.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;

use super::after::Open;
use super::call::Call;
use super::draft::{As, Given, Shared, Undo, When};
use super::gives::Gives;
use crate::types::call_options::{CallOptions, Due};
use crate::types::unique::Unique;
use crate::types::workflow::OnFailure;

/// A node of a flow that is one job and returns a `T`.
///
/// It is a handle: give it to `then` of the flow, by value or by reference, to use its result; clones are the
/// same node. Its methods say what it waits for and how it runs, until the flow is published.
#[derive(Clone)]
pub struct Node<T> {
    pub(super) draft: Shared,
    result: PhantomData<fn() -> T>,
}

/// A node of a flow that is any number of jobs of one task, each of which returns a `T`. It succeeds when all
/// of them have.
///
/// A handle, as [`Node`].
#[derive(Clone)]
pub struct Group<T> {
    pub(super) draft: Shared,
    result: PhantomData<fn() -> T>,
}

/// What may come before a node: a [`Node`], a [`Group`], a flow that was taken in
/// ([`Included`](super::Included)), or a reference to one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no node of a flow",
    label = "expected a `Node`, a `Group`, or what `include` returned"
)]
pub trait Parent {
    #[doc(hidden)]
    fn parents(&self) -> Vec<Given>;
}

impl<P: Parent> Parent for &P {
    fn parents(&self) -> Vec<Given> {
        (**self).parents()
    }
}

/// A node whose result somebody waits for: of a [`Node<T>`](Node) it is a `T`, of a [`Group<T>`](Group) a
/// `Vec<T>`.
pub trait Returns {
    /// The type of the result.
    type Value;

    #[doc(hidden)]
    fn draft(&self) -> &Shared;
}

impl<T> Returns for Node<T> {
    type Value = T;

    fn draft(&self) -> &Shared {
        &self.draft
    }
}

impl<T> Returns for Group<T> {
    type Value = Vec<T>;

    fn draft(&self) -> &Shared {
        &self.draft
    }
}

impl<R: Returns> Returns for &R {
    type Value = R::Value;

    fn draft(&self) -> &Shared {
        (**self).draft()
    }
}

impl<T> Group<T> {
    /// Does not keep the results of its jobs, where no other node takes them: saves a row for each thousand
    /// of jobs or so. (Those of functions that return nothing are not kept anyway.)
    pub fn drop_results(self) -> Self {
        self.draft.lock().keeps_results = false;
        self
    }
}

macro_rules! builder {
    ($($node:ident),+) => {$(
        impl<T> $node<T> {
            pub(super) fn of(draft: Shared) -> Self {
                $node { draft, result: PhantomData }
            }

            /// Its name.
            pub fn name(&self) -> String {
                self.draft.lock().name.clone()
            }

            /// It waits also for this node, without taking its result.
            ///
            /// What [`when_failed`]($node::when_failed), [`always`]($node::always),
            /// [`on_failure`]($node::on_failure) and [`condition`]($node::condition) say is of the edges that
            /// the latest `then`, `map`, `chunks` or
            /// `after` made.
            pub fn after(self, parent: impl Parent) -> Self {
                let parents = parent.parents(); // before the lock: it may be this node
                self.draft.lock().follow(&parents);
                self
            }

            /// Fills in an argument by its name with the result of a node: for calls by name
            /// ([`NewJob`](crate::NewJob)), whose types the compiler does not know. The database refuses a
            /// name or type that the task does not have, if it knows the task. Where it runs also after a
            /// failure of the parent, the argument is `{"Ok": result}` or `{"Err": {"job_id", "error",
            /// "state"}}`.
            pub fn bind(self, param: impl Into<String>, parent: impl Returns) -> Self {
                let given = parent.draft().given(As::Any);
                self.draft.lock().bind([param.into()], vec![given]);
                self
            }

            /// It runs when the parent has failed, and is skipped when it succeeded: an alert, a clean-up.
            pub fn when_failed(self) -> Self {
                self.draft.lock().last_edges(|edge| edge.when = When::Failure);
                self
            }

            /// It runs when the parent has ended, however.
            pub fn always(self) -> Self {
                self.draft.lock().last_edges(|edge| edge.when = When::Ended);
                self
            }

            /// What the failure of the parent does to it, in place of what the flow says.
            pub fn on_failure(self, choice: OnFailure) -> Self {
                self.draft.lock().last_edges(|edge| edge.on_failure = Some(choice));
                self
            }

            /// It runs only if the parent's result contains this JSON, as PostgreSQL's `@>` says; else it is
            /// skipped, and so is what needs its success.
            ///
            /// ```
            /// use pgjobs::{TaskError, serde_json::json, task, workflow::Flow};
            ///
            /// #[task] async fn check(order: i64) -> Result<bool, TaskError> { Ok(true) }
            /// #[task] async fn ship(order: i64) {}
            ///
            /// let mut flow = Flow::new("order");
            /// let is_paid = flow.node("check", check::new(7));
            /// flow.node("ship", ship::new(7)).after(&is_paid).condition(json!(true));
            /// ```
            pub fn condition(self, contains: Value) -> Self {
                self.draft.lock().last_edges(|edge| edge.condition = Some(contains.clone()));
                self
            }

            /// What undoes it, in a flow with [`OnFailure::Compensate`]: a task that takes its result.
            ///
            /// ```
            /// use pgjobs::{TaskError, task, workflow::{Flow, OnFailure}};
            ///
            /// #[task]
            /// async fn charge(order: i64) -> Result<String, TaskError> { Ok(format!("payment of {order}")) }
            /// #[task] async fn refund(payment: String) {}
            ///
            /// let mut flow = Flow::new("order").on_failure(OnFailure::Compensate);
            /// flow.node("charge", charge::new(7)).undo(refund::after());
            /// ```
            pub fn undo<A: Open>(self, call: A) -> Self
            where
                Self: Gives<A::In>,
            {
                let call = call.open();
                let form = Gives::<A::In>::given(&self).first().map_or(As::Value, |given| given.kind);
                let param = call.params.first().map(|param| (*param, form));
                self.undone_by(call.request().map(|request| Undo { request, param }))
            }

            /// What undoes it, without its result.
            pub fn undo_call(self, call: impl Call) -> Self {
                self.undone_by(call.request().map(|request| Undo { request, param: None }))
            }

            fn undone_by(self, undo: Result<Undo, crate::Error>) -> Self {
                let mut draft = self.draft.lock();
                draft.refuse_existing();
                match undo {
                    Ok(undo) => draft.undo = Some(undo),
                    Err(error) => draft.refuse(error),
                }
                drop(draft);
                self
            }

            /// The maximum number of runs of each of its jobs: 3 means at most three. 1 to 1000.
            pub fn retries(self, runs: u32) -> Self {
                self.option(|options| options.retries = Some(runs))
            }

            /// The time limit of a run, from 10 ms to 7 days.
            pub fn timeout(self, timeout: std::time::Duration) -> Self {
                self.option(|options| options.timeout = Some(timeout))
            }

            /// Jobs with a greater priority run first; 0 unless the task sets another.
            pub fn priority(self, priority: i32) -> Self {
                self.option(|options| options.priority = Some(priority))
            }

            /// Its jobs do not run before this time, nor before its parents are done.
            pub fn scheduled_at(self, at: chrono::DateTime<chrono::Utc>) -> Self {
                self.option(|options| options.due = Due::At(at))
            }

            /// Its jobs do not run before this long after its parents are done.
            pub fn delay(self, delay: std::time::Duration) -> Self {
                self.option(|options| options.due = Due::After(delay))
            }

            /// Notes a value on its jobs beside their arguments, as [`Publish::meta`](crate::Publish::meta).
            pub fn meta(self, key: impl Into<String>, value: impl serde::Serialize) -> Self {
                self.option(|options| options.meta.set(key.into(), value))
            }

            /// Notes a tag on its jobs, as [`Publish::tag`](crate::Publish::tag).
            pub fn tag(self, tag: impl Into<String>) -> Self {
                self.option(|options| options.meta.tag(tag.into()))
            }

            /// For a task whose jobs are unique ([`Unique`](crate::Unique)), which is refused otherwise: a
            /// job that another one stands for would leave those waiting that come after it. The node runs
            /// beside the holder of its key.
            pub fn not_unique(self) -> Self {
                self.option(|options| options.set_unique(Unique::none()))
            }

            fn option(self, set: impl FnOnce(&mut CallOptions)) -> Self {
                let mut draft = self.draft.lock();
                draft.refuse_existing();
                if let Some(request) = &mut draft.request {
                    set(&mut request.options);
                }
                drop(draft);
                self
            }
        }

        impl<T> Parent for $node<T> {
            fn parents(&self) -> Vec<Given> {
                vec![self.draft.given(As::Value)]
            }
        }

        impl<T> fmt::Debug for $node<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($node)).field(&self.name()).finish()
            }
        }
    )+};
}
builder!(Node, Group);
