#![allow(unused)]

use pgjobs::task;

#[task(colour = "red")]
async fn welcome(user_id: i64) {}

fn main() {}
