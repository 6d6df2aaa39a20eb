#![allow(unused)]

mod tasks {
    #[pgjobs::task]
    pub async fn welcome(user_id: i64) {}
}

use tasks::welcome;

async fn sign_up(pool: pgjobs::sqlx::PgPool) {
    welcome::new(7).publish(&pool);
}

fn main() {}
