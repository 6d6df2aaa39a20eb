//! A result of one's own, with each kind of error that a task may return.

use pgjobs::schemars::{self, JsonSchema};
use pgjobs::{TaskError, task};

#[derive(serde::Serialize, JsonSchema)]
pub struct Receipt {
    pub id: i64,
}

#[task]
pub async fn pay(id: i64) -> Result<Receipt, TaskError> {
    Ok(Receipt { id })
}

#[task]
pub async fn parse(number: String) -> Result<i64, std::num::ParseIntError> {
    number.parse()
}

#[task]
pub async fn refuse() -> Result<Vec<String>, String> {
    Err("no".into())
}

#[task]
pub async fn boxed() -> Result<Option<u8>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(None)
}
