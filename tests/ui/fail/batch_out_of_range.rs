#![allow(unused)]

use pgjobs::{TaskError, task};

#[task(batch = 0)]
async fn nobody(#[each] n: Vec<i64>) {}

#[task(batch = 1001)]
async fn everybody(#[each] n: Vec<i64>) {}

fn main() {}
