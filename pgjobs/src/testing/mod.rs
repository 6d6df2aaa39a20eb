//! Tests of programs that use pgjobs: on the same engine, with a real database for each test.
//!
//! Most of it comes with the feature `testing`; [`assert_schemas_match`] and [`TEST_CLOCK`] are always there.
#![cfg_attr(feature = "testing", doc = "")]
#![cfg_attr(feature = "testing", doc = include_str!("guide.md"))]

mod schemas;

#[cfg(feature = "testing")]
mod clock;
#[cfg(feature = "testing")]
mod database;
#[cfg(feature = "testing")]
mod drain;
#[cfg(feature = "testing")]
mod error;
#[cfg(feature = "testing")]
mod expect;
#[cfg(feature = "testing")]
mod fault;
#[cfg(feature = "testing")]
mod harness;
#[cfg(feature = "testing")]
mod inner;
#[cfg(feature = "testing")]
mod published;
#[cfg(feature = "testing")]
mod report;
#[cfg(feature = "testing")]
mod run_now;
#[cfg(feature = "testing")]
mod server;
#[cfg(feature = "testing")]
mod template;

/// SQL that gives a test database an adjustable clock, to test schedules, backoff, expiry and retention
/// without sleeping. A [`Database`](https://docs.rs/pgjobs/latest/pgjobs/testing/struct.Database.html) has
/// it.
///
/// Run it once as the owner of schema `jobs`. Then `update jobs.test_clock set at = '…'` stops the time at
/// that moment, and `shift` moves the running time. It replaces `jobs.now()`, which the rest of the schema
/// calls; a production database can get it only from its owner.
pub use pgjobs_migrations::TEST_CLOCK;
pub use schemas::assert_schemas_match;

#[cfg(feature = "testing")]
pub use {
    crate::{assert_published, refute_published},
    clock::Clock,
    database::Database,
    drain::Drain,
    error::TestError,
    fault::Fault,
    published::Published,
    report::{FailedRun, Report},
    run_now::RunNow,
};

/// What `#[pgjobs::test]` and the assertions expand to; no stability promise.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod __private {
    pub use super::expect::{Expected, Many, closure};
    pub use super::harness::{Argument, Setup, prepared, run};
}
