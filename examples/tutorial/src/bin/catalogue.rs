use std::error::Error;
use std::time::Duration;

use sqlx::PgPool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = PgPool::connect(&std::env::var("DATABASE_URL")?).await?;
    let run = letters::catalogue::publish(&pool, 3, "Ada").await?;
    println!("{}", run.wait_for(&pool, Duration::from_secs(10)).await?);
    Ok(())
}
