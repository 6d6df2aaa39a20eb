#![allow(unused)]

use pgjobs::task;

#[task(in_order(key = account, max = 2))]
async fn post(account: i64) {}

fn main() {}
