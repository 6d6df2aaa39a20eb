#![allow(unused)]

use pgjobs::task;

#[task(log = "warning")]
async fn welcome(user_id: i64) {}

fn main() {}
