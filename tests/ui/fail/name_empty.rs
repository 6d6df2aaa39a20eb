#![allow(unused)]

use pgjobs::task;

#[task(name = "")]
async fn welcome(user_id: i64) {}

fn main() {}
