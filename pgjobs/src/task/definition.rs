//! The static description of a task, which `#[task]` generates or a program writes by hand.

use std::any::TypeId;
use std::fmt;

use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Arguments;
use super::handler::{Handler, Many, RunFunction};
use super::job::Job;
use super::joint::context::Jobs;
use super::state::{State, StateType};
use super::steps::Steps;
use crate::publish::{Publish, Publisher};
use crate::types::body::{self, BodyError, Param};
use crate::types::integer_bounds::schema;
use crate::types::options::TaskOptions;
use crate::types::task_limit::TaskLimit;
use crate::types::task_schedule::TaskSchedule;
use crate::types::task_unique::{DefaultValue, TaskUnique};

/// The call of a task: a struct whose fields are the arguments.
///
/// `#[task]` implements it for the struct that it generates; a hand-written implementation takes `Serialize`
/// and two items. Import it to call [`publish`](Task::publish) on a value:
///
/// ```no_run
/// use pgjobs::{Task, task};
///
/// #[task]
/// async fn welcome(user_id: i64, #[default("en")] locale: String) {}
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let job = welcome::new(7).locale("pt").publish(&pool).await?;
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the call of a task",
    label = "expected a value such as `my_task::new(…)`",
    note = "annotate the function with `#[task]` and build the call with `my_task::new(…)`"
)]
pub trait Task: Serialize + Send + Sync + Sized + 'static {
    /// What a successful run returns.
    type Output;

    /// The task's static description.
    const DEF: &'static TaskDef;

    /// Publishes this call; options chain on the returned value, `.await` sends it.
    fn publish<'c, P: Publisher<'c>>(self, publisher: P) -> Publish<'c, P, Self::Output> {
        Publish::call(publisher, &self)
    }
}

/// What a worker knows about a task: its name, how to read its arguments, and the function to call.
///
/// Plain data and function pointers, so that it can be a `const`. `#[task]` registers one for every annotated
/// function; pass a hand-written one to the worker with [`Worker::task`](crate::Worker::task).
///
/// ```
/// use pgjobs::Worker;
/// use pgjobs::define::{TaskDef, TaskOptions};
///
/// static NOOP: TaskDef = TaskDef::new("ops.noop", |context| Box::pin(async move { context.finish(()) }))
///     .options(TaskOptions::new().retries(1));
///
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// Worker::new(pool).task(&NOOP).burst().run().await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct TaskDef {
    /// The dotted name under which jobs are published.
    pub name: &'static str,
    /// Earlier names; jobs published under them still run.
    pub aliases: &'static [&'static str],
    /// The function's documentation; `pgjobs inspect tasks` shows its first lines.
    pub doc: &'static str,
    /// `file:line` of the function, for error messages.
    pub location: &'static str,
    /// The published arguments, in order.
    pub params: &'static [Param],
    /// What a body means that leaves one of these arguments out, where it is always the same: then publishers
    /// in SQL get the keys of limits that typed calls get.
    pub defaults: &'static [DefaultValue],
    /// Whether keywords beyond `params` are accepted (a `#[kwargs]` parameter takes them).
    pub extra_kwargs: bool,
    /// The types of state that the function asks for.
    pub needs: &'static [StateType],
    /// Defaults of its jobs.
    pub options: TaskOptions,
    /// When a job of it is published by itself; their names differ.
    pub schedules: &'static [TaskSchedule],
    /// How many of its jobs run at once, how often they start, in which order, shared by whom.
    pub limits: &'static [TaskLimit],
    /// What makes its jobs one of a kind.
    pub unique: Option<TaskUnique>,
    /// The names of its steps, sleeps and signals, with `*` at the end of one for any that begins so; empty:
    /// it does not say.
    pub steps: &'static [&'static str],
    /// JSON Schema of the arguments, as an object by name.
    pub args_schema: fn() -> Schema,
    /// JSON Schema of the result.
    pub result_schema: fn() -> Schema,
    /// Reads a body as the arguments and drops them: [`deploy::check`](crate::deploy::check) calls it for
    /// pending jobs. [`TaskDef::decode_as`] implements it for the task's call.
    pub decode: fn(Option<&str>) -> Result<(), BodyError>,
    /// Reads the arguments, calls the function, encodes the result.
    pub run: Handler,
}

impl TaskDef {
    /// A task of this name that takes and returns anything; the methods below say more of it.
    pub const fn new(name: &'static str, run: RunFunction) -> Self {
        TaskDef::called(name, Handler::One(run))
    }

    /// A batch handler of this name: its function runs several jobs at once.
    pub const fn many(name: &'static str, many: Many) -> Self {
        TaskDef::called(name, Handler::Many(many))
    }

    const fn called(name: &'static str, run: Handler) -> Self {
        TaskDef {
            name,
            aliases: &[],
            doc: "",
            location: "",
            params: &[],
            defaults: &[],
            extra_kwargs: false,
            needs: &[],
            options: TaskOptions::DEFAULT,
            schedules: &[],
            limits: &[],
            unique: None,
            steps: &[],
            args_schema: anything,
            result_schema: anything,
            decode: accept,
            run,
        }
    }

    /// Sets its earlier names.
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets its documentation.
    pub const fn doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }

    /// Sets where it is declared, `file:line`.
    pub const fn location(mut self, location: &'static str) -> Self {
        self.location = location;
        self
    }

    /// Sets its arguments, in order.
    pub const fn params(mut self, params: &'static [Param]) -> Self {
        self.params = params;
        self
    }

    /// Sets what is meant by a body that leaves these arguments out. Only what is the same in all processes
    /// of the program belongs here: the database stores it.
    pub const fn defaults(mut self, defaults: &'static [DefaultValue]) -> Self {
        self.defaults = defaults;
        self
    }

    /// Lets keywords beyond its parameters through.
    pub const fn extra_kwargs(mut self) -> Self {
        self.extra_kwargs = true;
        self
    }

    /// Sets the types of state that it asks for.
    pub const fn needs(mut self, needs: &'static [StateType]) -> Self {
        self.needs = needs;
        self
    }

    /// Sets the defaults of its jobs.
    pub const fn options(mut self, options: TaskOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets its schedules. A worker saves them when it starts, and drops those that it no longer has.
    pub const fn schedules(mut self, schedules: &'static [TaskSchedule]) -> Self {
        self.schedules = schedules;
        self
    }

    /// Sets its limits. A worker saves them when it starts, and drops those that it no longer has.
    pub const fn limits(mut self, limits: &'static [TaskLimit]) -> Self {
        self.limits = limits;
        self
    }

    /// Sets what makes its jobs one of a kind.
    pub const fn unique(mut self, unique: TaskUnique) -> Self {
        self.unique = Some(unique);
        self
    }

    /// Sets the names of its steps, sleeps and signals. Then its code may use no others
    /// ([`StepError::Undeclared`](crate::StepError::Undeclared)), and
    /// [`deploy::check`](crate::deploy::check) finds open jobs that have recorded others.
    pub const fn steps(mut self, names: &'static [&'static str]) -> Self {
        self.steps = names;
        self
    }

    /// Takes the schema of the arguments, and how a body is read, from the call `T`.
    pub const fn call<T: Task + DeserializeOwned + JsonSchema>(mut self) -> Self {
        self.args_schema = schema::<T>;
        self.decode = TaskDef::decode_as::<T>;
        self
    }

    /// Takes the schema of the result from its type.
    pub const fn result<R: JsonSchema>(mut self) -> Self {
        self.result_schema = schema::<R>;
        self
    }

    /// Its name and aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Reads a body as the arguments of the task `T`, with the same code and rules as a run.
    ///
    /// ```
    /// use pgjobs::{Task, task};
    ///
    /// #[task]
    /// async fn welcome(user_id: i64) {}
    ///
    /// assert!((welcome::DEF.decode)(Some(r#"{"args": [7]}"#)).is_ok());
    /// let error = (welcome::DEF.decode)(Some(r#"{"args": ["seven"]}"#)).unwrap_err();
    /// assert_eq!(error.to_string(), "arguments do not fit: `user_id`: expected i64, found string");
    /// ```
    ///
    /// # Errors
    /// The path of the first value that does not fit, and what was expected and found there, without the
    /// value.
    pub fn decode_as<T: Task + DeserializeOwned>(body: Option<&str>) -> Result<(), BodyError> {
        body::read::<T>(body, T::DEF.params, T::DEF.extra_kwargs).map(drop)
    }

    /// Whether the function injects its [`Job`], [`Steps`] or [`Jobs`], and so may end them, or record steps,
    /// in a transaction of its own.
    pub(crate) fn asks_for_job(&self) -> bool {
        let jobs = [TypeId::of::<Job>(), TypeId::of::<Steps>(), TypeId::of::<Jobs>()];
        self.needs.iter().any(|need| jobs.contains(&(need.id)()))
    }

    /// How the arguments of a job are read.
    pub(crate) fn arguments(&self) -> Arguments {
        Arguments { task: self.name, params: self.params, extra_kwargs: self.extra_kwargs }
    }

    /// The first state type that it asks for and neither this state nor its run itself provides.
    pub(crate) fn lacks(&self, state: &State) -> Option<&'static str> {
        let of_the_run: &[TypeId] = match self.run {
            Handler::One(_) => &[TypeId::of::<Job>(), TypeId::of::<Steps>()],
            Handler::Many(_) => &[TypeId::of::<Jobs>()],
        };
        let met = |id| of_the_run.contains(&id) || state.holds(id);
        self.needs.iter().find(|need| !met((need.id)())).map(|need| (need.name)())
    }
}

fn anything() -> Schema {
    Schema::default()
}

fn accept(_: Option<&str>) -> Result<(), BodyError> {
    Ok(())
}

impl fmt::Debug for TaskDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskDef")
            .field("name", &self.name)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}
