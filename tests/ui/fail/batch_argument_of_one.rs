#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 100)]
async fn index(#[each] n: Vec<i64>, locale: String) {}

fn main() {}
