//! Compares the linked tasks with a committed file.

use std::path::Path;

use crate::deploy::snapshot;
use crate::task::registry::linked_tasks;

/// Fails when the linked tasks differ from a committed file with their signatures at the last review.
///
/// It uses no database. The message first lists what would break jobs that are pending during the deployment
/// (a task that is gone, an argument that is incompatible, required or moved), then other changes. `BLESS=1
/// cargo test` writes the file; the reviewer sees the difference.
///
/// A relative path starts at the package directory, where `cargo test` runs.
/// [`deploy::check`](crate::deploy::check) queries the database for such jobs.
///
/// ```no_run
/// # #[allow(dead_code)]
/// // tests/schemas.rs
/// // pgjobs::link!(my_tasks);         // when the tasks live in a library
/// #[test]
/// fn arguments_are_as_they_were() {
///     pgjobs::testing::assert_schemas_match("jobs.schema.json");
/// }
/// ```
///
/// # Panics
/// When they differ, when the file cannot be read or written, or when no task is linked.
#[track_caller]
pub fn assert_schemas_match(path: impl AsRef<Path>) {
    let bless = std::env::var_os("BLESS").is_some_and(|value| !value.is_empty() && value != "0");
    let compared = linked_tasks()
        .map_err(|error| error.to_string())
        .and_then(|tasks| snapshot::compare(path.as_ref(), &tasks, bless));
    if let Err(reason) = compared {
        panic!("{reason}");
    }
}
