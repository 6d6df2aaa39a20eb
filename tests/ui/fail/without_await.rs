#![deny(unused_must_use)]

use pgjobs::{Error, task};

#[task]
async fn welcome(_user_id: i64) {}

async fn sign_up(pool: pgjobs::sqlx::PgPool) -> Result<(), Error> {
    welcome::publish(&pool, 7);
    welcome::publish(&pool, 8)?;
    let job = welcome::publish(&pool, 9);
    println!("{}", job.id());
    Ok(())
}

fn main() {
    let _ = sign_up;
}
