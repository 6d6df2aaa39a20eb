#![allow(unused)]

use pgjobs::task;

#[task(backoff = "cubic(1s)")]
async fn welcome(user_id: i64) {}

fn main() {}
