#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(linger = "50ms")]
async fn index(n: i64) {}

fn main() {}
