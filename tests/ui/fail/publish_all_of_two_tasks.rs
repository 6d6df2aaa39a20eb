#![allow(unused)]

use pgjobs::task;

#[task]
async fn import(page: i64) {}

#[task]
async fn export(page: i64) {}

async fn start(pool: pgjobs::sqlx::PgPool) {
    pgjobs::publish_all(&pool, [import::new(1), export::new(1)]).await;
    pgjobs::publish_all(&pool, [import::publish(&pool, 1)]).await;
}

fn main() {}
