#![allow(unused)]

use pgjobs::task;

#[task(crate = "pgjobs")]
async fn welcome(user_id: i64) {}

fn main() {}
