#![allow(unused)]

use pgjobs::task;

#[task(retries = "5")]
async fn welcome(user_id: i64) {}

fn main() {}
