//! Bounds the values of label `task`: each value is a series that the recorder keeps for ever, and names of
//! tasks may come from anywhere.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// How many tasks have series of their own.
pub(crate) const MOST_TASKS: usize = 200;

/// The label of all further tasks.
pub(crate) const OTHER: &str = "other";

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// The label of a task of which jobs are published: its name, or [`OTHER`] when so many were seen before.
pub(super) fn bounded(task: &str) -> String {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    label(&mut seen, task)
}

fn label(seen: &mut BTreeSet<String>, task: &str) -> String {
    if !seen.contains(task) {
        if seen.len() >= MOST_TASKS {
            return OTHER.to_owned();
        }
        seen.insert(task.to_owned());
    }
    task.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_tasks_keep_their_labels_and_all_further_ones_share_one() {
        let mut seen = BTreeSet::new();
        let labels: BTreeSet<String> = (0..10_000).map(|n| label(&mut seen, &format!("user.{n}"))).collect();
        assert_eq!((labels.len(), seen.len()), (MOST_TASKS + 1, MOST_TASKS));
        assert_eq!((&*label(&mut seen, "user.7"), &*label(&mut seen, "user.9999")), ("user.7", OTHER));
    }
}
