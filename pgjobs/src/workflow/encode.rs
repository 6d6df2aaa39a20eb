//! The nodes of a flow as SQL takes them.

use std::collections::{BTreeMap, HashMap};
use std::slice;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::draft::{As, Draft, Edge, Given, Shared, Undo, When, Work};
use crate::publish::prepare;
use crate::types::body::holds_nul;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;
use crate::types::workflow::OnFailure;
use crate::types::workflow_error::WorkflowError;

#[derive(Serialize)]
struct NodeJson<'a> {
    name: &'a str,
    task: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    each: Option<EachJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    after: Vec<EdgeJson<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bind: BTreeMap<&'a str, BindJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<UndoJson<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    keep_results: bool,
    /// The task's own type made the arguments.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    checked: bool,
    /// Only `false`, see `Node::not_unique`.
    #[serde(skip_serializing_if = "Option::is_none")]
    unique: Option<bool>,
    #[serde(flatten)]
    options: OptionsJson,
}

#[derive(Serialize)]
struct OptionsJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum EachJson<'a> {
    Bodies(&'a [Box<RawValue>]),
    Of {
        node: &'a str,
        param: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        chunk: Option<usize>,
    },
}

#[derive(Serialize)]
struct EdgeJson<'a> {
    node: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Value>,
}

#[derive(Serialize)]
struct BindJson<'a> {
    node: &'a str,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct UndoJson<'a> {
    task: &'a str,
    body: &'a RawValue,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    bind: BTreeMap<&'a str, BindJson<'a>>,
    /// The task's own type made the arguments.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    checked: bool,
    #[serde(flatten)]
    options: OptionsJson,
}

/// The JSON of all nodes that are not there already, after the publish layers of this process have seen them:
/// each node once, also a group, and then each undo.
pub(super) fn encode(nodes: &[Shared], default: OnFailure) -> Result<String, Error> {
    let mut drafts: Vec<_> = nodes.iter().map(Shared::lock).collect();
    let names: HashMap<u64, String> = drafts.iter().map(|draft| (draft.id, draft.name.clone())).collect();
    // All mistakes first: publish layers see no flow that is refused anyway.
    if let Some(error) = drafts.iter_mut().find_map(|draft| draft.error.take()) {
        return Err(error);
    }
    let (places, mut requests): (Vec<usize>, Vec<JobRequest>) =
        drafts.iter_mut().enumerate().filter_map(|(at, draft)| Some((at, draft.request.take()?))).unzip();
    let are_beside: Vec<bool> = requests.iter().map(is_beside).collect();
    prepare(&mut requests)?;
    for undo in drafts.iter_mut().filter_map(|draft| draft.undo.as_mut()) {
        prepare(slice::from_mut(&mut undo.request))?;
    }
    let nodes = places.iter().zip(&requests).zip(&are_beside).map(|((at, request), is_beside)| {
        let unique = not_unique(&drafts[*at], request, *is_beside)?;
        Ok(NodeJson { unique, ..node(&drafts[*at], request, &names, default)? })
    });
    let nodes = nodes.collect::<Result<Vec<_>, Error>>()?;
    let text = serde_json::to_string(&nodes).map_err(|error| Error::Encode(format!("a flow: {error}")))?;
    if holds_nul(&text) { Err(nul("a name or a condition of a node")) } else { Ok(text) }
}

/// The error for what PostgreSQL cannot store.
pub(super) fn nul(what: &str) -> Error {
    Error::Encode(format!("a flow: {what} holds a NUL character, which PostgreSQL cannot store"))
}

/// Whether its publisher has said that it runs beside the holder of its unique key.
fn is_beside(request: &JobRequest) -> bool {
    request.options.unique.is_some() && !request.is_unique()
}

/// `false` for a node that runs beside the holder of its unique key, whatever key a publish layer gives it.
fn not_unique(draft: &Draft, request: &JobRequest, is_beside: bool) -> Result<Option<bool>, Error> {
    if !is_beside && request.is_unique() {
        let reason = "its job is unique, and a job that another one stands for would leave those waiting that come after it; add `.not_unique()`";
        return Err(refusal(draft, reason.to_owned()));
    }
    Ok(is_beside.then_some(false))
}

fn node<'a>(
    draft: &'a Draft,
    request: &'a JobRequest,
    names: &'a HashMap<u64, String>,
    default: OnFailure,
) -> Result<NodeJson<'a>, Error> {
    let (body, each) = work(draft, request, names)?;
    let edges = draft.edges.iter().map(|one| edge(draft, one, names, default));
    let binds = draft.binds.iter().map(|(param, given)| Ok((param.as_str(), bind(draft, given, names)?)));
    Ok(NodeJson {
        name: &draft.name,
        task: request.task(),
        body,
        each,
        after: edges.collect::<Result<_, Error>>()?,
        bind: binds.collect::<Result<_, Error>>()?,
        undo: draft.undo.as_ref().map(|one| undo(draft, one)).transpose()?,
        keep_results: draft.keeps_results,
        checked: request.checked,
        unique: None,
        options: options(request)?,
    })
}

/// An undo runs also beside the holder of its unique key, so nothing is said of that.
fn undo<'a>(draft: &'a Draft, undo: &'a Undo) -> Result<UndoJson<'a>, Error> {
    let own =
        |(param, form): (&'static str, As)| (param, BindJson { node: &draft.name, kind: form.as_str() });
    Ok(UndoJson {
        task: undo.request.task(),
        body: &undo.request.body,
        bind: undo.param.map(own).into_iter().collect(),
        checked: undo.request.checked,
        options: options(&undo.request)?,
    })
}

type WorkJson<'a> = (Option<&'a RawValue>, Option<EachJson<'a>>);

fn work<'a>(
    draft: &'a Draft,
    request: &'a JobRequest,
    names: &'a HashMap<u64, String>,
) -> Result<WorkJson<'a>, Error> {
    Ok(match &draft.work {
        Work::One | Work::Existing => (Some(&*request.body), None),
        Work::Each(bodies) => (None, Some(EachJson::Bodies(bodies))),
        Work::Of { list, param, chunk } => {
            let node = name_of(draft, list.id, &list.name, names)?;
            (Some(&*request.body), Some(EachJson::Of { node, param, chunk: *chunk }))
        }
    })
}

fn options(request: &JobRequest) -> Result<OptionsJson, Error> {
    let options = &request.options;
    let meta = options.meta.json().map(RawValue::from_string).transpose();
    Ok(OptionsJson {
        priority: options.priority,
        timeout: options.timeout.map(|timeout| timeout.as_secs_f64()),
        max_retries: options.retries,
        delay: options.delay_seconds(),
        scheduled_at: options.scheduled_at().map(|at| at.to_rfc3339()),
        meta: meta.map_err(|error| Error::Encode(format!("meta: {error}")))?,
    })
}

fn name_of<'a>(
    draft: &Draft,
    parent: u64,
    name: &str,
    names: &'a HashMap<u64, String>,
) -> Result<&'a str, Error> {
    names.get(&parent).map(String::as_str).ok_or_else(|| {
        let name = name.escape_debug();
        refusal(
            draft,
            format!("`{name}` comes before it and is in another flow; take that flow in with `include`"),
        )
    })
}

fn refusal(draft: &Draft, reason: String) -> Error {
    WorkflowError::Node { node: draft.name.clone(), reason }.into()
}

fn bind<'a>(draft: &Draft, given: &Given, names: &'a HashMap<u64, String>) -> Result<BindJson<'a>, Error> {
    Ok(BindJson { node: name_of(draft, given.id, &given.name, names)?, kind: given.kind.as_str() })
}

fn edge<'a>(
    draft: &'a Draft,
    edge: &'a Edge,
    names: &'a HashMap<u64, String>,
    default: OnFailure,
) -> Result<EdgeJson<'a>, Error> {
    let node = name_of(draft, edge.parent, &edge.name, names)?;
    let on_failure = match edge.when {
        When::Success => on_failure(draft, edge, default)?,
        When::Failure | When::Ended if takes(draft, edge, As::Value) => return Err(no_value(draft, edge)),
        When::Failure | When::Ended if edge.on_failure.is_some() => {
            let reason =
                "`.on_failure` is for an edge that waits for success, not beside `.when_failed` or `.always`";
            return Err(refusal(draft, reason.to_owned()));
        }
        When::Failure | When::Ended => None,
    };
    let when = match edge.when {
        When::Success => None,
        When::Failure => Some("failure"),
        When::Ended => Some("ended"),
    };
    Ok(EdgeJson {
        node,
        when,
        on_failure: on_failure.map(OnFailure::as_str),
        condition: edge.condition.as_ref(),
    })
}

/// What the failure of the parent does to a node that waits for its success. Who takes a `Result` goes on;
/// who takes a value cannot.
fn on_failure(draft: &Draft, edge: &Edge, default: OnFailure) -> Result<Option<OnFailure>, Error> {
    let takes_value = takes(draft, edge, As::Value);
    match edge.on_failure {
        Some(OnFailure::Continue) if takes_value => Err(no_value(draft, edge)),
        Some(choice @ (OnFailure::CancelAll | OnFailure::Compensate)) => {
            Err(refusal(draft, format!("`{choice}` is for a flow; an edge takes hold, cancel or continue")))
        }
        None if takes(draft, edge, As::Results) => Ok(Some(OnFailure::Continue)),
        None if takes_value && default == OnFailure::Continue => Ok(Some(OnFailure::Cancel)),
        choice => Ok(choice),
    }
}

/// Whether the result of the parent is an argument, or its elements are, in this form.
fn takes(draft: &Draft, edge: &Edge, kind: As) -> bool {
    let is_list = kind == As::Value && matches!(&draft.work, Work::Of { list, .. } if list.id == edge.parent);
    is_list || draft.binds.iter().any(|(_, given)| given.id == edge.parent && given.kind == kind)
}

fn no_value(draft: &Draft, edge: &Edge) -> Error {
    let name = edge.name.escape_debug();
    refusal(
        draft,
        format!(
            "its argument is the result of `{name}`, and there is none when `{name}` failed; \
             take `Result<T, NodeFailure>` there, or no argument: `flow.node(…).after(&{name})`"
        ),
    )
}
