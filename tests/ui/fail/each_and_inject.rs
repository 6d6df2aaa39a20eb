#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100)]
async fn index(#[each] #[inject] n: Vec<i64>) {}

fn main() {}
