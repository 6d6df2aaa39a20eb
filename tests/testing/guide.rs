//! The examples of the documentation of `pgjobs::testing` and `pgjobs::test`, which are tests and so run only
//! here.

use std::error::Error;
use std::time::Duration;

use pgjobs::testing::{Database, assert_published, refute_published};
use pgjobs::{sqlx, sqlx::PgPool, task};

#[task(name = "guide.remind")]
#[allow(unused_variables, reason = "it is an example")]
async fn remind(user_id: i64, text: String) {}

#[pgjobs::test]
async fn a_reminder_waits_for_its_hour(db: Database) -> Result<(), Box<dyn Error>> {
    remind::publish(db.pool(), 7, "tea".to_owned()).delay(Duration::from_secs(3600)).await?;
    assert_published!(db, remind { user_id: 7, text: "tea" });
    refute_published!(db, remind { user_id: 8, .. });

    assert_eq!(db.drain().topic("guide.*").await?.succeeded, 0);
    db.clock().advance(Duration::from_secs(3600)).await?;
    let report = db.drain().topic("guide.*").await?;
    assert_eq!((report.succeeded, report.failed), (1, 0), "{report:?}");
    Ok(())
}

async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("create table customer (id bigint primary key)").execute(pool).await?;
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn there_are_no_customers_at_first(db: Database) -> Result<(), sqlx::Error> {
    let customers = sqlx::query("select from customer").fetch_all(db.pool()).await?;
    assert!(customers.is_empty());
    Ok(())
}
