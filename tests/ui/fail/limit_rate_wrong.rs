#![allow(unused)]

use pgjobs::task;

#[task(limit(rates = ["10/s", "1000/hour"]))]
async fn sync(customer: i64) {}

fn main() {}
