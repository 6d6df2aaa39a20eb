#![allow(unused)]

use pgjobs::{TaskError, task};

#[task]
async fn find() -> Option<i64> {
    None
}

#[task]
async fn text() -> Result<&'static str, TaskError> {
    Ok("text")
}

fn main() {}
