//! The words of a limit.

use super::words::words;

words! {
    /// What follows when a job of a limit in order fails for good.
    OnDead, "on_dead":
    /// The next job of its key runs, which is the default.
    Skip = "skip",
    /// Its key is closed, until an operator opens it (`jobs.release_key`) or the failed job is retried and
    /// succeeds.
    Hold = "hold",
    /// The same, and it is reported as a problem at once.
    Pause = "pause",
}
