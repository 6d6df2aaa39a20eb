//! A week in a second: the clock, the drain and the faults that tests have, in a program that shows them.
//!
//! ```text
//! cargo run --example testing
//! ```
//!
//! A test has all of this from `#[pgjobs::test]`; `examples/shop/tests` are tests of a small shop. Since it
//! moves the time of its database, this program never uses that of DATABASE_URL.

use std::error::Error;
use std::time::Duration;

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::testing::{Database, Fault, assert_published, refute_published};
use pgjobs::{Task, TaskError, task};
use sqlx::PgPool;

const HOUR: Duration = Duration::from_secs(3600);

/// Reminds somebody of something; after a failure again in an hour.
#[task(backoff = "fixed(1h)")]
async fn remind(day: u32, of: String) -> Result<String, TaskError> {
    Ok(format!("day {day}: {of}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    eprintln!("{}", server.describe());
    let db = Database::of(PgPool::connect_with(server.options()).await?).await?;

    for day in 1..=7 {
        remind::new(day, "water the plants".to_owned()).publish(db.pool()).delay(24 * HOUR * day).await?;
    }
    assert_published!(db, count = 7, remind { .. });
    refute_published!(db, remind { day: 8, .. });
    println!("now: {} reminders", db.drain().await?.succeeded);

    db.clock().advance(25 * HOUR).await?;
    println!("after a day: {} reminder", db.drain().await?.succeeded);

    db.inject::<remind>(Fault::Timeout, 1);
    let began = db.clock().now().await?;
    let report = db.drain().including_scheduled().await?;
    let took = db.clock().now().await? - began;
    println!(
        "after {} days more: {} reminders, {} of them late",
        took.num_days(),
        report.succeeded,
        report.retried
    );
    Ok(())
}
