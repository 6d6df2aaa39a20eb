//! A customer signs up: what is published, and what comes of it.

use std::error::Error;

use pgjobs::testing::{Database, assert_published, refute_published};
use shop::customers::{create_tables, sign_up};
use shop::mail::{Mailer, welcome};

fn mailer() -> Mailer {
    Mailer::default()
}

#[pgjobs::test(setup = create_tables)]
async fn signing_up_sends_a_welcome(db: Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "ada@example.org").await?;

    assert_published!(db, welcome { address: "ada@example.org" });
    refute_published!(db, welcome { address: "eve@example.org" });

    let report = db.drain().topic("shop.mail.*").state(mailer()).await?;
    assert_eq!((report.succeeded, report.failed), (1, 0));
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn who_signs_up_twice_is_welcomed_once(db: Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "ada@example.org").await?;
    sign_up(db.pool(), "ada@example.org").await.expect_err("the address is taken");

    assert_published!(db, count = 1, welcome { .. });
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn a_welcome_waits_until_mail_works_again(db: Database) -> Result<(), Box<dyn Error>> {
    sign_up(db.pool(), "ada@example.org").await?;

    db.fail_next::<welcome>(2);
    let report = db.drain().topic("shop.mail.*").state(mailer()).including_scheduled().await?;

    assert_eq!((report.retried, report.succeeded), (2, 1));
    Ok(())
}
