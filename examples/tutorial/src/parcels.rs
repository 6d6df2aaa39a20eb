use std::time::Duration;

use pgjobs::{TaskError, task};

/// Asks the carrier what a parcel costs, in cents.
#[task(retries = 3, backoff = "fixed(5s)", timeout = "2s")]
pub async fn price(kg: u32) -> Result<u32, TaskError> {
    if kg > 30 {
        return Err(TaskError::fatal("the carrier takes no more than 30 kg"));
    }
    tokio::time::sleep(Duration::from_millis(100) * kg).await; // the carrier is slow
    let cents: u32 = std::fs::read_to_string("carrier.txt")?.trim().parse()?;
    Ok(kg * cents)
}
