#![allow(unused)]

use pgjobs::task;

#[task(unique(key = user))]
async fn welcome(user_id: i64) {}

fn main() {}
