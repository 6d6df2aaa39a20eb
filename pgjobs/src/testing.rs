//! For tests of programs that use pgjobs.

use std::path::Path;

use crate::deploy::snapshot;
use crate::task::registry::linked_tasks;

/// SQL that gives a test database a clock to set, so that schedules, backoff, expiry and retention
/// are tested without sleeping.
///
/// Run it once as the owner of schema `jobs`. Then `update jobs.test_clock set at = '…'` stops the
/// time there, and `shift` moves it on while it runs. It replaces `jobs.now()`, which everything
/// else in the schema asks; production cannot come by it except by its owner's hand.
pub use pgjobs_migrations::TEST_CLOCK;

/// Fails when the linked tasks differ from a file that is committed: what their arguments were when somebody last looked.
///
/// It needs no database. The message names first what would break jobs that are pending while the new version is
/// deployed (a task that is gone, an argument that is narrower, required or elsewhere), then what merely
/// changed. `BLESS=1 cargo test` writes the file; the reviewer sees the difference.
///
/// A relative path begins at the package, where `cargo test` runs. [`deploy::check`](crate::deploy::check) asks the
/// database whether there are such jobs.
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
/// When they differ, or the file cannot be read or written, or no task is linked.
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
