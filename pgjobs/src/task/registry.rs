//! The registry of all linked tasks, by name.
//!
//! `#[task]` puts a [`TaskDef`] into the binary, and the worker collects all of them when it starts. Two
//! mistakes are possible with such a registry, and both are start-up errors here:
//!
//! - *A crate that the code never names is not linked.* Cargo passes to the linker only crates that the
//!   program mentions, so a library of tasks that is merely listed in `Cargo.toml` registers nothing.
//!   [`link!`](crate::link) mentions it; a worker without tasks refuses to start and reports this.
//! - *Two functions have the same name.* Either of them could run the job. The registry refuses this and
//!   reports both locations.
//!
//! The tasks are collected by `inventory` (constructors that run before `main`), or with the cargo feature
//! `linkme` by linker sections, for targets on which such constructors do not run. Both fill the same
//! registry and pass the same tests.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::definition::TaskDef;
use super::secrets::Secrets;
use super::sensitive::SensitiveTasks;
use crate::types::error::Error;
use crate::types::topic::Topic;

/// A task that `#[task]` put into the binary.
#[doc(hidden)]
pub struct Registered(pub &'static TaskDef);

#[cfg(not(feature = "linkme"))]
inventory::collect!(Registered);

#[cfg(feature = "linkme")]
#[doc(hidden)]
#[linkme::distributed_slice]
pub static REGISTERED: [Registered];

#[cfg(not(feature = "linkme"))]
fn linked() -> impl Iterator<Item = &'static TaskDef> {
    inventory::iter::<Registered>().map(|registered| registered.0)
}

#[cfg(feature = "linkme")]
fn linked() -> impl Iterator<Item = &'static TaskDef> {
    REGISTERED.iter().map(|registered| registered.0)
}

/// The tasks of a worker, by every name under which a job may be published.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    by_name: HashMap<&'static str, &'static TaskDef>,
    /// Made when the first run asks: their schemas take a while.
    sensitive: Arc<OnceLock<SensitiveTasks>>,
}

impl Registry {
    /// Every task that is linked into this binary.
    pub(crate) fn linked() -> Result<Self, Error> {
        let mut registry = Registry::default();
        linked().try_for_each(|def| registry.add(def))?;
        Ok(registry)
    }

    pub(crate) fn add(&mut self, def: &'static TaskDef) -> Result<(), Error> {
        for name in def.names() {
            if let Some(first) = self.by_name.insert(name, def) {
                let locations = [first.location.to_owned(), def.location.to_owned()];
                return Err(Error::DuplicateTask { name: name.to_owned(), locations });
            }
        }
        Ok(())
    }

    /// Keeps the names that match one of the topics; without topics it keeps all.
    pub(crate) fn scope(mut self, topics: &[Topic]) -> Result<Self, Error> {
        let known = self.task_names();
        if !topics.is_empty() {
            self.by_name.retain(|name, _| topics.iter().any(|topic| topic.holds(name)));
        }
        if self.by_name.is_empty() {
            let topics = topics.iter().map(Topic::to_string).collect();
            return Err(Error::NoTasks { topics, known });
        }
        Ok(self)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'static TaskDef> {
        self.by_name.get(name).copied()
    }

    /// What a run of this task with this body must not say; `None` where nothing is sensitive.
    pub(crate) fn secrets(&self, task: &str, body: Option<&str>) -> Option<Secrets> {
        let tasks = || SensitiveTasks::of(self.by_name.iter().map(|(name, def)| (*name, *def)));
        self.sensitive.get_or_init(tasks).secrets(task, body)
    }

    /// Every name for a claim, aliases included, sorted.
    pub(crate) fn claimable(&self) -> Vec<String> {
        let mut names: Vec<String> = self.by_name.keys().map(|&name| name.to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// The names whose tasks inject their job, and so may end it in a transaction of their own.
    pub(crate) fn self_finishing(&self) -> Vec<String> {
        self.by_name.iter().filter(|(_, def)| def.asks_for_job()).map(|(&name, _)| name.to_owned()).collect()
    }

    /// The tasks themselves, sorted by name.
    pub(crate) fn tasks(&self) -> Vec<&'static TaskDef> {
        let mut tasks: Vec<_> =
            self.by_name.iter().filter(|(name, def)| **name == def.name).map(|(_, def)| *def).collect();
        tasks.sort_unstable_by_key(|def| def.name);
        tasks
    }

    pub(crate) fn task_names(&self) -> Vec<&'static str> {
        self.tasks().into_iter().map(|def| def.name).collect()
    }
}

/// The tasks that are linked into this binary, sorted by name.
///
/// # Errors
/// [`Error::DuplicateTask`] when two of them share a name or an alias.
pub fn linked_tasks() -> Result<Vec<&'static TaskDef>, Error> {
    Ok(Registry::linked()?.tasks())
}

/// Links crates with tasks into this binary: `pgjobs::link!(my_tasks, more_tasks);`
///
/// The linker leaves out a dependency that is listed in `Cargo.toml` but never named in the code, and its
/// tasks with it. Write this once, at the top of `main.rs`.
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $( use $krate as _; )+
    };
}
