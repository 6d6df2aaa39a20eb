//! A node before it is published.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::types::error::Error;
use crate::types::job_request::JobRequest;
use crate::types::workflow::OnFailure;
use crate::types::workflow_error::WorkflowError;

/// Distinguishes the nodes of this process: names may change, when a flow becomes a part of another.
static IDS: AtomicU64 = AtomicU64::new(0);

/// A node that is shared by its flow and its handles.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Draft>>);

pub(super) struct Draft {
    pub(super) id: u64,
    pub(super) name: String,
    /// Its task and options, and the body of one job; `None`: it is there already, or see `error`.
    pub(super) request: Option<JobRequest>,
    pub(super) work: Work,
    pub(super) edges: Vec<Edge>,
    /// The edges that the latest call added: what is said of edges next is said of them.
    pub(super) last: Vec<usize>,
    pub(super) binds: Vec<(String, Given)>,
    /// Something was said of what it waits for, be it a part without nodes.
    follows: bool,
    pub(super) undo: Option<Undo>,
    pub(super) keeps_results: bool,
    /// The first mistake. Builders cannot fail, so publishing reports it.
    pub(super) error: Option<Error>,
}

/// What its jobs are.
pub(super) enum Work {
    One,
    /// A job for each body.
    Each(Vec<Box<RawValue>>),
    /// A job for each element of a parent's result, or for so many elements.
    Of {
        list: Given,
        param: &'static str,
        chunk: Option<usize>,
    },
    /// A node that the workflow has already.
    Existing,
}

/// A parent, and what it gives.
#[derive(Debug, Clone)]
pub struct Given {
    pub(super) id: u64,
    /// As it was called then, for errors.
    pub(super) name: String,
    pub(super) kind: As,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// As SQL decides: a result where the edge continues after a failure, else the value.
    Any,
    Value,
    Results,
    Handle,
}

impl As {
    /// As SQL calls it; `None`: it decides.
    pub(super) fn as_str(self) -> Option<&'static str> {
        match self {
            As::Any => None,
            As::Value => Some("value"),
            As::Results => Some("results"),
            As::Handle => Some("handle"),
        }
    }
}

pub(super) struct Edge {
    pub(super) parent: u64,
    pub(super) name: String,
    pub(super) when: When,
    pub(super) on_failure: Option<OnFailure>,
    pub(super) condition: Option<Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Success,
    Failure,
    Ended,
}

pub(super) struct Undo {
    pub(super) request: JobRequest,
    /// The argument that is the result of the node itself, and in which form.
    pub(super) param: Option<(&'static str, As)>,
}

impl Shared {
    pub(super) fn new(name: String, request: Result<JobRequest, Error>, work: Work) -> Self {
        match request {
            Ok(request) => Shared::of(name, Some(request), None, work),
            Err(error) => Shared::of(name, None, Some(error), work),
        }
    }

    /// A node that the workflow has already.
    pub(super) fn existing(name: String) -> Self {
        Shared::of(name, None, None, Work::Existing)
    }

    fn of(name: String, request: Option<JobRequest>, error: Option<Error>, work: Work) -> Self {
        let (id, keeps_results) = (IDS.fetch_add(1, Ordering::Relaxed), false);
        let (edges, last, binds) = (Vec::new(), Vec::new(), Vec::new());
        let follows = false;
        let draft =
            Draft { id, name, request, work, edges, last, binds, follows, undo: None, keeps_results, error };
        Shared(Arc::new(Mutex::new(draft)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Draft> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn given(&self, kind: As) -> Given {
        let draft = self.lock();
        Given { id: draft.id, name: draft.name.clone(), kind }
    }
}

impl Draft {
    /// Adds the edges from these parents; a second edge from one parent is the first one again.
    pub(super) fn follow<'g>(&mut self, parents: impl IntoIterator<Item = &'g Given>) {
        self.refuse_existing();
        self.follows = true;
        self.last.clear();
        for parent in parents {
            let at = self.edges.iter().position(|edge| edge.parent == parent.id).unwrap_or_else(|| {
                let (name, when) = (parent.name.clone(), When::Success);
                self.edges.push(Edge { parent: parent.id, name, when, on_failure: None, condition: None });
                self.edges.len() - 1
            });
            self.last.push(at);
        }
    }

    /// Fills in arguments by parents, and adds the edges from these.
    pub(super) fn bind(&mut self, params: impl IntoIterator<Item = String>, given: Vec<Given>) {
        self.follow(&given);
        self.binds.extend(params.into_iter().zip(given));
    }

    pub(super) fn last_edges(&mut self, set: impl Fn(&mut Edge)) {
        if !self.follows {
            self.refuse_with(
                "it waits for nobody yet: say `.after(&node)` first, and then what holds for that edge",
            );
        }
        for at in &self.last {
            if let Some(edge) = self.edges.get_mut(*at) {
                set(edge);
            }
        }
    }

    pub(super) fn is_start(&self) -> bool {
        self.edges.is_empty() && !matches!(self.work, Work::Existing)
    }

    pub(super) fn refuse(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    fn refuse_with(&mut self, reason: &str) {
        self.refuse(WorkflowError::Node { node: self.name.clone(), reason: reason.to_owned() }.into());
    }

    /// What is said of a node that the workflow has already would change nothing.
    pub(super) fn refuse_existing(&mut self) {
        if matches!(self.work, Work::Existing) {
            self.refuse_with("the workflow has it already, so nothing can be said of it but what waits for it; `before` has it wait for the nodes that are added");
        }
    }
}
