//! Parcels on their way.

use std::time::Duration;

use pgjobs::{Steps, TaskError, task};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 86_400);

/// Hands the parcel of an order to the carrier, and waits until the carrier says where it was delivered. That
/// takes days and no slot of a worker; a worker that dies meanwhile does not hand it over again.
#[task(steps("hand over", "delivered/*"), retries = 5)]
pub async fn ship(#[inject] steps: &Steps, order: i64) -> Result<String, TaskError> {
    let parcel = steps.step("hand over", async || hand_over(order)).await?;
    match steps.wait_for::<String>(signal(order), TWO_WEEKS).await? {
        Some(place) => Ok(format!("{parcel} was delivered in {place}")),
        None => Err(TaskError::fatal("nobody took the parcel, and it is back")),
    }
}

/// What the carrier sends, once for each order.
pub fn signal(order: i64) -> String {
    format!("delivered/{order}")
}

/// A real one would call the carrier, with `steps.job().idempotency_key()`.
fn hand_over(order: i64) -> Result<String, TaskError> {
    Ok(format!("parcel {order}"))
}
