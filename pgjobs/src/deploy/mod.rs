//! Before a new version of a program is deployed: would it break jobs that are open now?
//!
//! [`check`] compares the tasks of this binary with the database: tasks that are gone or renamed while they have
//! open jobs, arguments whose type has become narrower, and open jobs whose arguments the new code cannot read,
//! which it finds out by decoding them as a worker does. It only reads, and locks nothing.
//!
//! ```no_run
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! let report = pgjobs::deploy::check(&pool).await?;
//! for finding in &report.findings {
//!     eprintln!("{}: {finding}", finding.severity.as_str());
//! }
//! assert!(report.is_ok(), "it would break jobs that are open now");
//! # Ok(()) }
//! ```
//!
//! `my_app check` does the same on the command line; [`testing::assert_schemas_match`](crate::testing::assert_schemas_match)
//! looks at the types alone, in `cargo test`, without a database.

mod compare;
mod findings;
mod rules;
mod sampling;
mod signature;
pub(crate) mod snapshot;

use std::collections::HashMap;

use sqlx::{PgConnection, PgPool};

pub use compare::Incompatible;
pub use findings::{Code, Coverage, DeployReport, Finding, Severity, UnreadableJob};

use crate::db::deploy::{self as sql, InUse};
use crate::task::definition::TaskDef;
use crate::task::registry::Registry;
use crate::types::error::Error;
use crate::types::topic::Topic;
use sampling::{SampleResult, Sampling};

/// Compares the tasks that are linked into this binary with what the database holds, up to 1000 jobs of each.
///
/// # Errors
/// [`Error::NoTasks`] when there are none, or none under a topic, neither here nor in the database; [`Error::DuplicateTask`]; [`Error::SchemaMissing`] or
/// [`Error::Database`] when the database cannot be asked.
pub async fn check(pool: &PgPool) -> Result<DeployReport, Error> {
    DeployCheck::new().run(pool).await
}

/// A deploy check that looks elsewhere or further than [`check`] does.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::deploy::DeployCheck;
///
/// let report = DeployCheck::new()
///     .topic("mail.*".parse()?)
///     .sample(10_000)
///     .on_progress(|sampled, of| eprintln!("{sampled} of {of}"))
///     .run(&pool)
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is looked at before `run`"]
pub struct DeployCheck<'a> {
    tasks: Option<Vec<&'static TaskDef>>,
    topics: Vec<Topic>,
    sample: u64,
    progress: Box<dyn FnMut(u64, u64) + Send + 'a>,
}

impl Default for DeployCheck<'_> {
    fn default() -> Self {
        DeployCheck { tasks: None, topics: Vec::new(), sample: 1000, progress: Box::new(|_, _| {}) }
    }
}

impl<'a> DeployCheck<'a> {
    /// Of every linked task and every topic, up to 1000 jobs of each task.
    pub fn new() -> Self {
        DeployCheck::default()
    }

    /// Compares these tasks instead of the linked ones.
    pub fn tasks(mut self, tasks: Vec<&'static TaskDef>) -> Self {
        self.tasks = Some(tasks);
        self
    }

    /// Looks only under this topic; each further call adds one. Everything under it is then this program's: a task
    /// that another program's workers have is gone as well when this one does not have it.
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topics.push(topic);
        self
    }

    /// Decodes at most so many jobs of each task: the first and the last in line, and evenly between.
    pub fn sample(mut self, jobs: u64) -> Self {
        self.sample = jobs;
        self
    }

    /// Calls this as it goes on, with how many jobs were looked at, and of how many.
    pub fn on_progress(mut self, progress: impl FnMut(u64, u64) + Send + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Looks, and changes nothing.
    ///
    /// # Errors
    /// Those of [`check`].
    pub async fn run(mut self, pool: &PgPool) -> Result<DeployReport, Error> {
        let registry = self.registry()?;
        let connection = &mut *pool.acquire().await?;
        let tasks = self.in_use(&registry, connection).await?;
        self.refuse_empty_topics(&registry, &tasks)?;
        let seen = self.look(&registry, &tasks, connection).await?;
        let new = new_tasks(&registry, &tasks);
        let mut findings: Vec<Finding> = tasks
            .iter()
            .flat_map(|task| match registry.get(&task.task) {
                Some(def) => rules::kept(task, def, seen.get(&task.task)),
                None => rules::gone(task, !self.topics.is_empty(), &new).into_iter().collect(),
            })
            .collect();
        findings.sort_by_key(|finding| (finding.severity, finding.code));
        let mut coverage: Vec<Coverage> = seen.into_values().map(|seen| seen.coverage).collect();
        coverage.sort_by(|a, b| a.task.cmp(&b.task));
        Ok(DeployReport { findings, coverage })
    }

    fn registry(&self) -> Result<Registry, Error> {
        let registry = match &self.tasks {
            None => Registry::linked()?,
            Some(tasks) => {
                let mut registry = Registry::default();
                tasks.iter().try_for_each(|def| registry.add(def))?;
                registry
            }
        };
        registry.scope(&[]) // refuses to know no task
    }

    async fn in_use(&self, registry: &Registry, connection: &mut PgConnection) -> Result<Vec<InUse>, Error> {
        let topics: Vec<String> = self.topics.iter().map(Topic::to_string).collect();
        let topics = (!topics.is_empty()).then_some(&topics[..]);
        // Whoever wants to see so many wants to know how many there are.
        let cap = i32::try_from(self.sample).unwrap_or(i32::MAX).max(100_000);
        sql::in_use(connection, topics, &registry.claimable(), cap).await
    }

    /// A topic without a task, of this program or in the database, is a slip: nothing under it could ever break.
    fn refuse_empty_topics(&self, registry: &Registry, tasks: &[InUse]) -> Result<(), Error> {
        let mut names = registry.claimable();
        names.extend(tasks.iter().map(|task| task.task.clone()));
        let is_empty = |topic: &&Topic| !names.iter().any(|name| topic.holds(name));
        let topics: Vec<String> = self.topics.iter().filter(is_empty).map(Topic::to_string).collect();
        let known = registry.task_names();
        if topics.is_empty() { Ok(()) } else { Err(Error::NoTasks { topics, known }) }
    }

    /// Decodes open jobs of the tasks that this program has.
    async fn look(
        &mut self,
        registry: &Registry,
        tasks: &[InUse],
        connection: &mut PgConnection,
    ) -> Result<HashMap<String, SampleResult>, Error> {
        let sample = self.sample;
        let known = tasks.iter().filter_map(|task| Some((task, registry.get(&task.task)?)));
        let known: Vec<_> = known.filter(|(task, _)| sampling::open(task) > 0).collect();
        let of: u64 = known.iter().map(|(task, _)| sampling::open(task).min(sample)).sum();
        let (mut seen, mut before) = (HashMap::new(), 0_u64);
        for (task, def) in known {
            let mut progress = |sampled: u64| (self.progress)((before + sampled).min(of), of);
            let found = Sampling::new(connection, def, task, sample, &mut progress).run().await?;
            before += found.coverage.sampled;
            seen.insert(task.task.clone(), found);
        }
        Ok(seen)
    }
}

/// Tasks of this program that nobody has declared yet: among them is what another was renamed to.
fn new_tasks(registry: &Registry, tasks: &[InUse]) -> Vec<&'static TaskDef> {
    let declared = |name: &str| {
        tasks.iter().any(|task| task.task == name && task.signatures != Some(serde_json::json!([])))
    };
    registry.tasks().into_iter().filter(|def| !declared(def.name)).collect()
}
