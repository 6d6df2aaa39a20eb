//! Tests of programs that use pgjobs: on the same engine, with a real database for each test.
//!
//! With the feature `testing`, [`#[pgjobs::test]`](macro@crate::test) gives a test a migrated [`Database`] of its
//! own. The test publishes as the program does, looks at what was published ([`assert_published!`],
//! [`Database::published`]), has a real worker run it ([`Database::drain`], [`Database::run_now`]), moves the
//! time ([`Database::clock`]) and lets runs fail ([`Database::inject`]). There is no mode in which jobs run
//! otherwise than in production.
//!
//! ```
//! # mod hidden { // tests/testing/guide.rs runs it
//! use std::error::Error;
//! use std::time::Duration;
//!
//! use pgjobs::testing::{Database, assert_published, refute_published};
//! use pgjobs::task;
//!
//! #[task]
//! async fn remind(user_id: i64, text: String) {}
//!
//! #[pgjobs::test]
//! async fn a_reminder_waits_for_its_hour(db: Database) -> Result<(), Box<dyn Error>> {
//!     remind::publish(db.pool(), 7, "tea".to_owned()).delay(Duration::from_secs(3600)).await?;
//!     assert_published!(db, remind { user_id: 7, text: "tea" });
//!     refute_published!(db, remind { user_id: 8, .. });
//!
//!     assert_eq!(db.drain().await?.succeeded, 0);
//!     db.clock().advance(Duration::from_secs(3600)).await?;
//!     assert_eq!(db.drain().await?.succeeded, 1);
//!     Ok(())
//! }
//! # }
//! ```
//!
//! # Where the database comes from
//! From the server that `DATABASE_URL`, or `PGHOST`, `PGDATABASE` and `PGUSER`, name; the role must be allowed
//! to create databases (`CREATEDB`), and the database that they name is not touched. Otherwise from a server
//! that the tests start by themselves ([`local_postgres`](crate::local_postgres)): one for all test programs that
//! run at a time, under `cargo test` as under `cargo nextest`, which ends a few seconds after the last of them.
//! The schema is migrated once, into a template; each test gets a copy of it, in a few hundredths of a second,
//! which is dropped when the test ends. What a killed run left behind the next one removes.
//!
//! Without the feature, [`assert_schemas_match`] and [`TEST_CLOCK`] are there.

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
mod run_now;
#[cfg(feature = "testing")]
mod server;
#[cfg(feature = "testing")]
mod template;

/// SQL that gives a test database an adjustable clock, to test schedules, backoff, expiry and retention
/// without sleeping. A [`Database`](https://docs.rs/pgjobs/latest/pgjobs/testing/struct.Database.html) has it.
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
    run_now::RunNow,
};

/// What `#[pgjobs::test]` and the assertions expand to; no stability promise.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod __private {
    pub use super::expect::{Expected, Many, holds};
    pub use super::harness::{Argument, Setup, prepared, run};
}
