use std::error::Error;
use std::time::Duration;

use letters::customers::{create_tables, sign_up};
use sqlx::PgPool;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("whose name?")?;
    let pool = PgPool::connect(&std::env::var("DATABASE_URL")?).await?;
    create_tables(&pool).await?;
    let letter = sign_up(&pool, &name).await?;
    println!("{}", letter.wait_for(&pool, Duration::from_secs(10)).await?);
    Ok(())
}
