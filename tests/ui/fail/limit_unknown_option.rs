#![allow(unused)]

use pgjobs::task;

#[task(limit(maximum = 2, rate = "100/s"))]
async fn sync(customer: i64) {}

fn main() {}
