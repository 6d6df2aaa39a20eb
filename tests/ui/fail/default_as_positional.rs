#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: i64, #[default("en")] locale: String) {}

async fn sign_up(pool: pgjobs::sqlx::PgPool) {
    welcome::publish(&pool, 7, "pt".to_owned()).await;
    welcome::publish(&pool, "7").await;
}

fn main() {}
