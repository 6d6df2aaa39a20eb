#![allow(unused)]

use pgjobs::task;

#[task(timeout = 30s)]
async fn welcome(user_id: i64) {}

fn main() {}
