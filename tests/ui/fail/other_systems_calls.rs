#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: i64) {}

async fn sign_up(pool: pgjobs::sqlx::PgPool) {
    welcome.delay(7);
    welcome(7).publish(&pool).await;
}

fn main() {}
