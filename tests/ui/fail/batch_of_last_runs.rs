#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100, retries = 1)]
async fn index(#[each] n: Vec<i64>) {}

fn main() {}
