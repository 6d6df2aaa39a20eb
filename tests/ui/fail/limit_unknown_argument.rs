#![allow(unused)]

use pgjobs::task;

#[task(limit(key = custmer, max = 2))]
async fn sync(customer: i64) {}

fn main() {}
