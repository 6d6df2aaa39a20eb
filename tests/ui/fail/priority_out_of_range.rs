#![allow(unused)]

use pgjobs::task;

#[task(priority = 3000000000)]
async fn welcome(user_id: i64) {}

fn main() {}
