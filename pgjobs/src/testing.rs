//! For tests of programs that use pgjobs.

/// SQL that gives a test database a clock to set, so that schedules, backoff, expiry and retention
/// are tested without sleeping.
///
/// Run it once as the owner of schema `jobs`. Then `update jobs.test_clock set at = '…'` stops the
/// time there, and `shift` moves it on while it runs. It replaces `jobs.now()`, which everything
/// else in the schema asks; production cannot come by it except by its owner's hand.
pub use pgjobs_migrations::TEST_CLOCK;
