#![allow(unused)]

use pgjobs::task;

#[task(priority = high)]
async fn welcome(user_id: i64) {}

fn main() {}
