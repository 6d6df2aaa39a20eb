#![allow(unused)]

use pgjobs::task;

#[task(limit(key = customer))]
async fn sync(customer: i64) {}

fn main() {}
