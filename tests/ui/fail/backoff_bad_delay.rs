#![allow(unused)]

use pgjobs::task;

#[task(backoff = "fixed(soon)")]
async fn welcome(user_id: i64) {}

fn main() {}
