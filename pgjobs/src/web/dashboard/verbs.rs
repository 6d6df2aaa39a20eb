//! What can be done, and which role it needs: the one table that routes, pages and buttons share.

use super::viewer::Role;

/// What can be done on the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Look at pages.
    View,
    /// Requeue jobs that failed or were cancelled.
    Retry,
    /// Publish jobs that failed or were cancelled anew.
    Redrive,
    /// Cancel jobs that wait or run.
    Cancel,
    /// Pause, resume and cancel operations over many jobs.
    Operate,
    /// Pause and resume topics.
    Pause,
    /// Make, change and drop limits, and close and open their keys.
    Limit,
    /// Publish jobs.
    Publish,
    /// Run, pause, resume and back-fill schedules.
    Schedule,
    /// Pause, resume and drain workers.
    Control,
    /// Change the arguments and options of a job.
    Edit,
    /// Delete waiting jobs without a trace in history.
    Purge,
    /// Stop workers and change their slots.
    Stop,
    /// Take a unique key from the job that holds it.
    ReleaseKey,
    /// See what tasks declare as sensitive.
    Reveal,
    /// Read the audit, whose details may have arguments of jobs.
    Audit,
}

/// Verb, the least role that may do it, and its name.
const PERMISSIONS: &[(Verb, Role, &str)] = &[
    (Verb::View, Role::Viewer, "view"),
    (Verb::Retry, Role::Operator, "retry"),
    (Verb::Redrive, Role::Operator, "redrive"),
    (Verb::Cancel, Role::Operator, "cancel"),
    (Verb::Operate, Role::Operator, "operate"),
    (Verb::Pause, Role::Operator, "pause"),
    (Verb::Limit, Role::Operator, "limit"),
    (Verb::Publish, Role::Operator, "publish"),
    (Verb::Schedule, Role::Operator, "schedule"),
    (Verb::Control, Role::Operator, "control"),
    (Verb::Edit, Role::Admin, "edit"),
    (Verb::Purge, Role::Admin, "purge"),
    (Verb::Stop, Role::Admin, "stop"),
    (Verb::ReleaseKey, Role::Admin, "release-key"),
    (Verb::Reveal, Role::Admin, "reveal"),
    (Verb::Audit, Role::Admin, "audit"),
];

impl Verb {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Verb> {
        PERMISSIONS.iter().map(|(verb, ..)| *verb)
    }

    /// The least role that may do it.
    pub fn role(self) -> Role {
        self.row().1
    }

    /// Its name in forms and messages, such as `retry`.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    /// The verb of this name.
    pub(super) fn named(name: &str) -> Option<Verb> {
        PERMISSIONS.iter().find(|row| row.2 == name).map(|row| row.0)
    }

    /// A verb without a row would be everybody's; the test below keeps the table whole.
    fn row(self) -> (Verb, Role, &'static str) {
        let row = PERMISSIONS.iter().find(|(verb, ..)| *verb == self);
        row.copied().unwrap_or((self, Role::Admin, "unknown"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_a_row_in_the_order_of_its_declaration() {
        for (nth, (verb, ..)) in PERMISSIONS.iter().enumerate() {
            assert_eq!(*verb as usize, nth, "{verb:?}");
        }
        assert_eq!(Verb::Audit as usize + 1, PERMISSIONS.len(), "the last verb is the last row");
        for verb in Verb::all() {
            assert_eq!(Verb::named(verb.name()), Some(verb));
        }
    }
}
