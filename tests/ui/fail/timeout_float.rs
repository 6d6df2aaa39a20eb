#![allow(unused)]

use pgjobs::task;

#[task(timeout = 2.5)]
async fn welcome(user_id: i64) {}

fn main() {}
