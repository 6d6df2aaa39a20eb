#![allow(unused)]

use pgjobs::task;

#[task(retries = 1001)]
async fn welcome(user_id: i64) {}

fn main() {}
