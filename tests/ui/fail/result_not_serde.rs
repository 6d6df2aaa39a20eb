#![allow(unused)]

use pgjobs::{TaskError, task};

struct Receipt;

#[task]
async fn pay() -> Result<Receipt, TaskError> {
    Ok(Receipt)
}

fn main() {}
