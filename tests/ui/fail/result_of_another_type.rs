#![allow(unused)]

use pgjobs::{Error, TaskError, task};

#[task]
async fn count() -> Result<i64, TaskError> {
    Ok(5)
}

async fn ask(pool: pgjobs::sqlx::PgPool) -> Result<String, Error> {
    let job = count::publish(&pool).await?;
    job.wait(&pool).await
}

fn main() {}
