#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100)]
async fn index(#[each] n: i64, #[each] m: &[i64]) {}

fn main() {}
