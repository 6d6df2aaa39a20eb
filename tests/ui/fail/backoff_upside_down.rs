#![allow(unused)]

use pgjobs::task;

#[task(backoff = "exponential(1h, 1s)")]
async fn welcome(user_id: i64) {}

fn main() {}
