use std::error::Error;
use std::time::Duration;

use letters::customers::{create_tables, sign_up};
use letters::mail::welcome;
use letters::parcels::price;
use pgjobs::testing::{Database, assert_published, refute_published};

#[pgjobs::test(setup = create_tables)]
async fn who_signs_up_is_greeted(db: Database) -> Result<(), Box<dyn Error>> {
    let letter = sign_up(db.pool(), "Ada").await?;
    assert_published!(db, welcome { name: "Ada" });

    db.drain().await?.no_failures()?;
    assert_eq!(letter.wait(db.pool()).await?, "Welcome, Ada!");
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn a_name_that_is_taken_gets_no_second_letter(db: Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "Ada").await?;
    assert!(sign_up(db.pool(), "Ada").await.is_err());

    assert_published!(db, count = 1, welcome { .. });
    refute_published!(db, welcome { name: "Grace" });
    Ok(())
}

#[pgjobs::test]
async fn a_price_is_asked_for_again_in_eight_seconds(db: Database) -> Result<(), Box<dyn Error>> {
    db.clock().stop().await?;
    price::publish(db.pool(), 2).await?;
    db.fail_next::<price>(1);
    assert_eq!(db.drain().await?.retried, 1);
    assert_eq!(db.drain().await?.retried, 0, "it is not due yet");

    db.fail_next::<price>(1);
    db.clock().advance(Duration::from_secs(8)).await?;
    assert_eq!(db.drain().await?.retried, 1);
    Ok(())
}

#[tokio::test]
async fn a_heavy_parcel_is_refused() {
    let error = price(31).await.unwrap_err();
    assert!(error.to_string().contains("30 kg"), "{error}");
}
