//! What the generator has to know of a task.

use serde::Deserialize;
use serde_json::Value;

/// A task that the client can publish.
///
/// It is read from the JSON of the registry: an entry of what a worker declares, or of `tasks` in the output
/// of `pgjobs inspect tasks --json`. Keys that it does not name are ignored.
///
/// ```
/// use pgjobs_codegen::Task;
///
/// let json = r#"{ "name": "mail.welcome", "timeout": 30, "workers": 2 }"#;
/// let read: Task = serde_json::from_str(json)?;
///
/// let mut written = Task::new("mail.welcome");
/// written.timeout = Some(30.0);
/// assert_eq!(read, written);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Task {
    /// The dotted name under which jobs are published.
    pub name: String,
    /// Its documentation.
    #[serde(default)]
    pub doc: String,
    /// Its parameters in the order of the function; `None` where it is unknown.
    #[serde(default)]
    pub params: Option<Vec<Param>>,
    /// JSON Schema of its arguments, as an object by name; `None` is any object.
    #[serde(default)]
    pub args_schema: Option<Value>,
    /// JSON Schema of its result; `None` is any value.
    #[serde(default)]
    pub result_schema: Option<Value>,
    /// The time limit of a run in seconds, unless the job sets its own.
    #[serde(default)]
    pub timeout: Option<f64>,
    /// Jobs with a greater priority run first; unless the job sets its own.
    #[serde(default)]
    pub priority: Option<i32>,
    /// The maximum number of runs, unless the job sets its own.
    #[serde(default)]
    pub retries: Option<i32>,
}

impl Task {
    /// A task of this name that takes and returns anything.
    pub fn new(name: impl Into<String>) -> Self {
        Task { name: name.into(), ..Task::default() }
    }
}

/// A parameter of a task. Its type is in the schema of the arguments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Param {
    /// The name, used as the keyword.
    pub name: String,
}

impl Param {
    /// A parameter of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Param { name: name.into() }
    }
}
