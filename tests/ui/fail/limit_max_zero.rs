#![allow(unused)]

use pgjobs::task;

#[task(limit(max = 0))]
async fn sync(customer: i64) {}

fn main() {}
