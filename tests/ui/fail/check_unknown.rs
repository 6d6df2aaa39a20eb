#![allow(unused)]

use pgjobs::task;

#[task(check = "loose")]
async fn welcome(user_id: i64) {}

fn main() {}
