#![allow(unused)]

use pgjobs::task;

#[task(in_order(key = account, on_dead = "stop"))]
async fn post(account: i64) {}

fn main() {}
