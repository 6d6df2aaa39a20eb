//! Somebody signs up: what is published, and what comes of it. Each test has a database and a clock
//! of its own.

use std::error::Error;

use my_service::{create_tables, report, sign_up, welcome};
use pgjobs::testing::{Database, assert_published};

#[pgjobs::test(setup = create_tables)]
async fn who_signs_up_is_greeted_once(db: Database) -> Result<(), Box<dyn Error>> {
    assert!(sign_up(db.pool(), "ada@example.org").await?.is_some());
    assert!(sign_up(db.pool(), "ada@example.org").await?.is_none());

    assert_published!(
        db,
        count = 1,
        welcome {
            address: "ada@example.org"
        }
    );
    assert_eq!(db.drain().await?.succeeded, 1);
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn a_letter_that_fails_is_sent_again(db: Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "ada@example.org").await?;

    db.fail_next::<welcome>(2);
    let drained = db.drain().including_scheduled().await?;

    assert_eq!((drained.retried, drained.succeeded), (2, 1));
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn people_are_counted_every_morning(db: Database) -> Result<(), Box<dyn Error>> {
    db.clock().stop().await?;
    db.clock()
        .advance_to("2031-03-01T12:00:00Z".parse()?)
        .await?;
    db.drain().await?.no_failures()?; // a worker that starts saves the schedules of its tasks

    db.clock()
        .advance_to("2031-03-02T07:00:00Z".parse()?)
        .await?;
    db.drain().await?.no_failures()?;

    assert_published!(db, count = 1, report {});
    Ok(())
}
