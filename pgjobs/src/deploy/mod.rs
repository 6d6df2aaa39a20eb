//! Checks before a deployment whether a new version of a program would break jobs that are open now.
//!
//! [`check`] compares the tasks of this binary with the database. It finds tasks that are gone or renamed
//! while they have open jobs, arguments with incompatible types, open jobs whose arguments the new code
//! cannot read, for which it decodes them as a worker does, and open jobs that have recorded steps which the
//! new code does not declare. It only reads, and locks nothing.
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
//! The database user needs one of the roles `jobs_worker` and `jobs_admin`.
//!
//! `my_app check` does the same on the command line;
//! [`testing::assert_schemas_match`](crate::testing::assert_schemas_match) compares the types alone, in
//! `cargo test`, without a database.

mod compare;
mod findings;
mod rules;
mod sampling;
mod signature;
pub(crate) mod snapshot;
mod steps;

use std::collections::HashMap;

use sqlx::{PgConnection, PgPool};

pub use crate::types::severity::Severity;
pub use compare::Incompatible;
pub use findings::{Code, Coverage, DeployReport, Finding, UnreadableJob};

use crate::db::deploy::{self as sql, InUse};
use crate::task::definition::TaskDef;
use crate::task::registry::Registry;
use crate::types::error::Error;
use crate::types::topic::Topic;
use sampling::{SampleResult, Sampling};

/// Compares the tasks that are linked into this binary with the database, decoding up to 1000 jobs of each.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let report = pgjobs::deploy::check(&pool).await?;
/// for task in &report.coverage {
///     println!("{}: {} of {} decoded jobs do not fit", task.task, task.unreadable, task.sampled);
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::NoTasks`] when there are no tasks; [`Error::DuplicateTask`]; [`Error::SchemaMissing`] or
/// [`Error::Database`] when a query fails.
pub async fn check(pool: &PgPool) -> Result<DeployReport, Error> {
    DeployCheck::new().run(pool).await
}

/// A deploy check with other tasks, topics or sample sizes than [`check`].
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
#[must_use = "nothing is checked before `run`"]
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
    /// Checks every linked task and every topic, up to 1000 jobs of each task.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::deploy::DeployCheck;
    ///
    /// let report = DeployCheck::new().run(&pool).await?;
    /// println!("{} findings", report.findings.len());
    /// # Ok(()) }
    /// ```
    pub fn new() -> Self {
        DeployCheck::default()
    }

    /// Compares these tasks instead of the linked ones: for those of [`define`](crate::define), which the
    /// linker does not collect, or for some of the program's.
    ///
    /// ```no_run
    /// use pgjobs::{Task, deploy::DeployCheck, task};
    ///
    /// #[task]
    /// async fn welcome(user_id: i64) {}
    ///
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// let report = DeployCheck::new().tasks(vec![welcome::DEF]).run(&pool).await?;
    /// # Ok(()) }
    /// ```
    pub fn tasks(mut self, tasks: Vec<&'static TaskDef>) -> Self {
        self.tasks = Some(tasks);
        self
    }

    /// Checks only this topic; each further call adds one. Every task under the topics then belongs to this
    /// program: a task of another program's workers counts as gone when this program does not have it.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::deploy::DeployCheck;
    ///
    /// let check = DeployCheck::new().topic("mail.*".parse()?).topic("export.*".parse()?);
    /// for finding in check.run(&pool).await?.findings {
    ///     println!("{finding}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topics.push(topic);
        self
    }

    /// Decodes at most this many jobs of each task: the first and the last in the queue, and others spread
    /// evenly between. With 0 it decodes none, and compares what is declared.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::deploy::DeployCheck;
    ///
    /// // All open jobs of the exports, however long that takes.
    /// let report = DeployCheck::new().topic("export.*".parse()?).sample(u64::MAX).run(&pool).await?;
    /// # Ok(()) }
    /// ```
    pub fn sample(mut self, jobs: u64) -> Self {
        self.sample = jobs;
        self
    }

    /// Calls this function during the check with the number of jobs that were decoded, and the number to
    /// decode.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::deploy::DeployCheck;
    ///
    /// let mut decoded = 0;
    /// let report = DeployCheck::new().on_progress(|done, _| decoded = done).run(&pool).await?;
    /// println!("{decoded} jobs were decoded");
    /// # Ok(()) }
    /// ```
    pub fn on_progress(mut self, progress: impl FnMut(u64, u64) + Send + 'a) -> Self {
        self.progress = Box::new(progress);
        self
    }

    /// Runs the check; changes nothing.
    ///
    /// ```no_run
    /// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
    /// use pgjobs::deploy::{DeployCheck, Severity};
    ///
    /// let report = DeployCheck::new().run(&pool).await?;
    /// println!("{} warnings", report.count(Severity::Warning));
    /// if !report.is_ok() {
    ///     std::process::exit(1); // the deployment stops here
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`check`], and [`Error::NoTasks`] too for a topic under which neither this program nor the database
    /// has a task.
    pub async fn run(self, pool: &PgPool) -> Result<DeployReport, Error> {
        let registry = self.registry()?;
        let connection = &mut *pool.acquire().await?;
        let tasks = self.in_use(&registry, connection).await?;
        let topics = self.empty_topics(&registry, &tasks);
        if !topics.is_empty() {
            return Err(Error::NoTasks { topics, known: registry.task_names() });
        }
        self.report(&registry, &tasks, connection).await
    }

    /// Runs the check on one of several servers. A topic without a task here is not refused, because another
    /// server may have one; these topics are returned as well.
    #[cfg(feature = "cli")]
    pub(crate) async fn run_on_one(self, pool: &PgPool) -> Result<(DeployReport, Vec<String>), Error> {
        let registry = self.registry()?;
        let connection = &mut *pool.acquire().await?;
        let tasks = self.in_use(&registry, connection).await?;
        let topics = self.empty_topics(&registry, &tasks);
        Ok((self.report(&registry, &tasks, connection).await?, topics))
    }

    async fn report(
        mut self,
        registry: &Registry,
        tasks: &[InUse],
        connection: &mut PgConnection,
    ) -> Result<DeployReport, Error> {
        let seen = self.look(registry, tasks, connection).await?;
        let new = new_tasks(registry, tasks);
        let mut findings: Vec<Finding> = tasks
            .iter()
            .flat_map(|task| match registry.get(&task.task) {
                Some(def) => rules::kept(task, def, seen.get(&task.task)),
                None => rules::gone(task, !self.topics.is_empty(), &new).into_iter().collect(),
            })
            .collect();
        findings.extend(steps::unknown(registry, &self.topics, connection).await?);
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
        registry.scope(&[]) // an error if there are no tasks
    }

    async fn in_use(&self, registry: &Registry, connection: &mut PgConnection) -> Result<Vec<InUse>, Error> {
        let topics: Vec<String> = self.topics.iter().map(Topic::to_string).collect();
        let topics = (!topics.is_empty()).then_some(&topics[..]);
        // A caller who decodes this many jobs also wants to know how many there are.
        let cap = i32::try_from(self.sample).unwrap_or(i32::MAX).max(100_000);
        sql::in_use(connection, topics, &registry.claimable(), cap).await
    }

    /// The topics without a task of this program or the database, which are a mistake: nothing under them could
    /// ever break.
    fn empty_topics(&self, registry: &Registry, tasks: &[InUse]) -> Vec<String> {
        let mut names = registry.claimable();
        names.extend(tasks.iter().map(|task| task.task.clone()));
        let is_empty = |topic: &&Topic| !names.iter().any(|name| topic.holds(name));
        self.topics.iter().filter(is_empty).map(Topic::to_string).collect()
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

/// Tasks of this program that no worker has declared yet: a renamed task is among them.
fn new_tasks(registry: &Registry, tasks: &[InUse]) -> Vec<&'static TaskDef> {
    let declared = |name: &str| {
        tasks.iter().any(|task| task.task == name && task.signatures != Some(serde_json::json!([])))
    };
    registry.tasks().into_iter().filter(|def| !declared(def.name)).collect()
}
