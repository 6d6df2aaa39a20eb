#![allow(unused)]

use pgjobs::task;

#[task(timeout)]
async fn welcome(user_id: i64) {}

fn main() {}
