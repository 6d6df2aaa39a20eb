#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100, linger = "61s")]
async fn index(#[each] n: Vec<i64>) {}

fn main() {}
