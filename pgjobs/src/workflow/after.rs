//! A call with an argument that an edge fills in.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::publish::options_of;
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;

/// A call of the task `C` without one of its arguments, of type `In`: that one is the result of another node.
///
/// `#[task]` writes a function that makes it, `my_task::after(…)`, which takes the other arguments. The one
/// that is left out is the first, or that with `#[from]` before it; with several `#[from]`, `In` is
/// [`Args`] of their types.
///
/// ```
/// use pgjobs::{TaskError, task, workflow::{After, Flow}};
///
/// #[task]
/// async fn fetch(url: String) -> Result<String, TaskError> { Ok(url) }
///
/// #[task]
/// async fn store(folder: String, #[from] page: String, #[default(false)] packed: bool) {}
///
/// let mut flow = Flow::new("fetch");
/// let page = flow.node("fetch", fetch::new("https://example.org".to_owned()));
/// flow.then("store", page, store::after("pages".to_owned()).packed(true));
/// ```
#[must_use = "it is given to `then`, `map` or `chunks` of a flow"]
pub struct After<C, In> {
    /// The arguments left out.
    pub(super) params: &'static [&'static str],
    given: BTreeMap<Cow<'static, str>, Box<RawValue>>,
    error: Option<Error>,
    call: PhantomData<fn(In) -> C>,
}

/// The types of several arguments that edges fill in, as a tuple: in the order of the function, each from a
/// parent of its own.
///
/// ```
/// use pgjobs::{TaskError, task, workflow::Flow};
///
/// #[task] async fn charge(order: i64) -> Result<String, TaskError> { Ok(format!("payment of {order}")) }
/// #[task] async fn pack(order: i64) -> Result<u32, TaskError> { Ok(1) }
/// #[task] async fn ship(#[from] payment: String, #[from] parcels: u32) {}
///
/// let mut flow = Flow::new("order");
/// let payment = flow.node("charge", charge::new(7));
/// let parcels = flow.node("pack", pack::new(7));
/// flow.then("ship", (payment, parcels), ship::after());
/// ```
pub struct Args<T>(PhantomData<fn() -> T>);

/// What `then`, `map` and `chunks` of a flow take: [`After`], and what `my_task::after(…)` returns for a task
/// with arguments that may be absent, which has their setters. Code outside of `#[task]` does not implement
/// it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a call with an argument left open",
    label = "expected `my_task::after(…)`",
    note = "`my_task::after(…)` takes the arguments that the edge does not fill in; a call that gets no result of its parent is a `flow.node(…)` with `.after(&parent)`"
)]
pub trait Open {
    /// The call.
    type Call: Task;
    /// The type of the argument left out.
    type In;

    /// Without the setters.
    fn open(self) -> After<Self::Call, Self::In>;
}

impl<C: Task, In> Open for After<C, In> {
    type Call = C;
    type In = In;

    fn open(self) -> After<C, In> {
        self
    }
}

/// For the code that `#[task]` writes.
#[doc(hidden)]
impl<C: Task, In> After<C, In> {
    pub fn open_call(params: &'static [&'static str]) -> Self {
        After { params, given: BTreeMap::new(), error: None, call: PhantomData }
    }

    pub fn with<T: Serialize>(mut self, name: &'static str, value: &T) -> Self {
        match serde_json::value::to_raw_value(value) {
            Ok(value) => drop(self.given.insert(Cow::Borrowed(name), value)),
            Err(error) => self.refuse(format!("argument `{name}`: {error}")),
        }
        self
    }

    /// Every keyword left over.
    pub fn with_all<T: Serialize>(mut self, values: &T) -> Self {
        let text = serde_json::to_string(values);
        let read = text.and_then(|text| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(&text));
        match read {
            Ok(values) => {
                self.given.extend(values.into_iter().map(|(name, value)| (Cow::Owned(name), value)));
            }
            Err(error) => self.refuse(format!("the keywords left over: {error}")),
        }
        self
    }

    fn refuse(&mut self, reason: String) {
        self.error.get_or_insert(Error::Encode(format!("the arguments of `{}`: {reason}", C::DEF.name)));
    }

    pub(super) fn request(self) -> Result<JobRequest, Error> {
        match self.error {
            Some(error) => Err(error),
            None => {
                let task = Cow::Borrowed(C::DEF.name);
                let request = JobRequest::new(task, [(); 0], self.given, options_of::<C>())?;
                Ok(JobRequest { checked: true, ..request })
            }
        }
    }
}

impl<C: Task, In> fmt::Debug for After<C, In> {
    // Without the arguments: they may contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("After")
            .field("task", &C::DEF.name)
            .field("open", &self.params)
            .finish_non_exhaustive()
    }
}
