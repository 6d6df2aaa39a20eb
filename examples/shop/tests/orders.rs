//! An order, from its place on the web to the customer's door, and back when something fails for good.

use std::error::Error;
use std::time::Duration;

use pgjobs::testing::{Database, Fault, Report, assert_published, refute_published};
use pgjobs::workflow::WorkflowState;
use shop::customers::sign_up;
use shop::delivery::{ship, signal};
use shop::mail::{Mailer, receipt, refunded};
use shop::{billing, orders, stock};

async fn order(db: &Database, item: &str) -> Result<i64, Box<dyn Error>> {
    let ada = sign_up(db.pool(), "ada@example.org").await?;
    Ok(orders::place(db.pool(), ada, item, 2).await?.expect("the customer and the item exist"))
}

/// Runs what is due, all of it.
async fn work(db: &Database) -> Result<Report, Box<dyn Error>> {
    Ok(db.drain().topic("shop.*").state(Mailer::default()).await?)
}

async fn stock_of(db: &Database, item: &str) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("select stock from item where name = $1").bind(item).fetch_one(db.pool()).await
}

#[pgjobs::test(setup = orders::create_tables)]
async fn an_order_is_reserved_paid_and_shipped(db: Database) -> Result<(), Box<dyn Error>> {
    let order = order(&db, "teapot").await?;

    work(&db).await?.no_failures()?;

    assert_eq!(stock_of(&db, "teapot").await?, 8);
    assert_published!(db, receipt { address: "ada@example.org", cents: 3800 });
    assert_published!(db, count = 1, ship { order });

    pgjobs::signal(db.pool(), &signal(order), "Lisbon").await?;
    work(&db).await?.no_failures()?;

    let run = orders::find(db.pool(), order).await?.expect("an order");
    assert_eq!(run.wait(db.pool()).await?, format!("parcel {order} was delivered in Lisbon"));
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn nobody_pays_for_what_is_out_of_stock(db: Database) -> Result<(), Box<dyn Error>> {
    let order = order(&db, "unicorn").await?;

    assert_eq!(work(&db).await?.failures().len(), 1);

    refute_published!(db, billing::charge { .. });
    let run = orders::find(db.pool(), order).await?.expect("an order");
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Compensated);
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn a_parcel_that_nobody_takes_is_refunded(db: Database) -> Result<(), Box<dyn Error>> {
    let order = order(&db, "teapot").await?;
    work(&db).await?.no_failures()?;

    db.clock().advance(Duration::from_secs(15 * 86_400)).await?;
    assert_eq!(work(&db).await?.failures().len(), 1);

    assert_published!(db, count = 1, refunded { address: "ada@example.org", cents: 3800 });
    assert_eq!(stock_of(&db, "teapot").await?, 10);
    let run = orders::find(db.pool(), order).await?.expect("an order");
    assert_eq!(run.state(db.pool()).await?, WorkflowState::Compensated);
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn goods_are_taken_once_when_a_worker_dies(db: Database) -> Result<(), Box<dyn Error>> {
    order(&db, "teapot").await?;

    db.inject::<stock::reserve>(Fault::DieAfter, 1);
    work(&db).await?.no_failures()?;
    db.clock().advance(Duration::from_secs(60)).await?; // the lease of the dead worker is over
    work(&db).await?.no_failures()?;

    assert_eq!(stock_of(&db, "teapot").await?, 8);
    Ok(())
}

#[pgjobs::test(setup = orders::create_tables)]
async fn an_order_of_nobody_starts_nothing(db: Database) -> Result<(), Box<dyn Error>> {
    assert_eq!(orders::place(db.pool(), 7, "teapot", 1).await?, None);

    refute_published!(db, stock::reserve { .. });
    Ok(())
}

#[pgjobs::test]
async fn programs_that_start_together_find_one_set_of_tables(db: Database) -> Result<(), Box<dyn Error>> {
    let make = || orders::create_tables(db.pool());
    let made = tokio::join!(make(), make(), make(), make());

    assert!(matches!(made, (Ok(()), Ok(()), Ok(()), Ok(()))), "{made:?}");
    Ok(())
}
