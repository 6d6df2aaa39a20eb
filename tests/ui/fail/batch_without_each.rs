#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100)]
async fn store(rows: Vec<i64>) -> Result<(), TaskError> {
    Ok(())
}

#[task(batch = "100")]
async fn other(#[each] rows: Vec<i64>) {}

fn main() {}
