#![allow(unused)]

use pgjobs::task;

#[task(keep = "success")]
async fn welcome(user_id: i64) {}

fn main() {}
