#![allow(unused)]

use pgjobs::{Error, Worker};

async fn work(pool: pgjobs::sqlx::PgPool) -> Result<(), Error> {
    let mailer = String::from("mailer");
    Worker::new(pool).state(&mailer).run().await?;
    Ok(())
}

fn main() {}
