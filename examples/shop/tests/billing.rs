//! Money: charges that happen once, whatever happens to the worker.

use std::error::Error;
use std::time::Duration;

use pgjobs::testing::{Database, Fault, TestError, assert_published, refute_published};
use pgjobs::{JobHandle, JobId};
use shop::billing::{charge, total};
use shop::mail::{Mailer, receipt};

#[pgjobs::test]
async fn a_charge_asks_for_its_receipt(db: Database) -> Result<(), Box<dyn Error>> {
    let job = charge::publish(db.pool(), "ada@example.org".to_owned(), 500).await?;

    let charged = db.run_now(&job).await?;

    assert_published!(db, receipt { address: "ada@example.org", cents: 500 });
    let letter: JobHandle<String> = JobHandle::new(charged.receipt.parse::<JobId>()?);
    let letter = db.run_now(&letter).state(Mailer::default()).await?;
    assert_eq!(letter, "from shop@example.org to ada@example.org: we received 5.00");
    Ok(())
}

#[pgjobs::test]
async fn nobody_is_charged_twice_when_a_worker_dies(db: Database) -> Result<(), Box<dyn Error>> {
    charge::publish(db.pool(), "ada@example.org".to_owned(), 500).await?;

    db.inject::<charge>(Fault::DieAfter, 1); // it has charged, and nobody heard of it
    db.drain().topic("shop.billing.*").await?.no_failures()?;
    db.clock().advance(Duration::from_secs(60)).await?; // the lease of the dead worker is over
    db.drain().topic("shop.billing.*").await?.no_failures()?;

    assert_published!(db, count = 1, receipt { cents: 500, .. });
    Ok(())
}

#[pgjobs::test]
async fn a_charge_that_failed_asks_for_no_receipt(db: Database) -> Result<(), Box<dyn Error>> {
    let job = charge::publish(db.pool(), "ada@example.org".to_owned(), 500).await?;

    db.inject::<charge>(Fault::Error("the bank is closed".to_owned()), 1);
    let error = db.run_now(&job).await.unwrap_err();

    assert_eq!(error.to_string(), "the run did not succeed: the bank is closed");
    refute_published!(db, receipt { .. });
    Ok(())
}

#[pgjobs::test]
async fn an_order_that_cannot_be_true_is_not_tried_again(db: Database) -> Result<(), Box<dyn Error>> {
    let job = total::publish(db.pool(), vec![i64::MAX, 1]).await?;

    let error = db.run_now(&job).await.unwrap_err();

    assert!(matches!(&error, TestError::Run(error) if error.is_fatal()), "{error}");
    Ok(())
}
