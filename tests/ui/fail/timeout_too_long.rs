#![allow(unused)]

use pgjobs::task;

#[task(timeout = "8d")]
async fn welcome(user_id: i64) {}

fn main() {}
