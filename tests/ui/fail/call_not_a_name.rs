#![allow(unused)]

use pgjobs::task;

#[task(call = "Welcome")]
async fn welcome(user_id: i64) {}

fn main() {}
