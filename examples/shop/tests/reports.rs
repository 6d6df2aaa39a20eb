//! The weekly report: the clock of the test goes on, and the schedule with it.

use std::error::Error;

use pgjobs::chrono::{DateTime, Utc};
use pgjobs::schedule;
use pgjobs::testing::{Database, assert_published, refute_published};
use shop::customers::{create_tables, sign_up};
use shop::reports::weekly;

/// A Saturday, and the Monday at eight in Berlin: the clocks change in the first of the nights between them.
const SATURDAY: &str = "2031-03-29T12:00:00Z";
const MONDAY: &str = "2031-03-31T06:00:00Z";

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A shop with a customer, whose workers have been started once: they save the schedules of their tasks.
async fn open_shop(db: &Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "ada@example.org").await?;
    db.clock().stop().await?;
    db.clock().advance_to(time(SATURDAY)).await?;
    db.drain().topic("shop.reports.*").await?.no_failures()?;
    refute_published!(db, weekly {});
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn on_monday_the_owner_reads_how_many_customers_there_are(db: Database) -> Result<(), Box<dyn Error>> {
    open_shop(&db).await?;
    assert_eq!(schedule::next_ticks(db.pool(), "shop.reports.weekly", 1).await?, [time(MONDAY)]);

    db.clock().advance_to(time(MONDAY)).await?;
    let report = db.drain().topic("shop.reports.*").await?;

    assert_eq!(report.succeeded, 1);
    assert_published!(db, count = 1, weekly {});
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn after_three_weeks_without_workers_there_is_one_report(db: Database) -> Result<(), Box<dyn Error>> {
    open_shop(&db).await?;

    db.clock().advance_to(time("2031-04-15T10:00:00Z")).await?;
    db.drain().topic("shop.reports.*").await?.no_failures()?;

    assert_published!(db, count = 1, weekly {});
    let log = schedule::log(db.pool(), "shop.reports.weekly", 2).await?;
    assert_eq!((log[1].outcome.as_str(), log[0].outcome.as_str()), ("caught_up", "missed"));
    Ok(())
}
