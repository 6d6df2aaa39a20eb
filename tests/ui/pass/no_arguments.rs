//! Nothing in, nothing out; and a result of nothing.

use pgjobs::{TaskError, task};

#[task]
pub async fn sweep() {}

#[task]
pub async fn try_sweep() -> Result<(), TaskError> {
    Ok(())
}
