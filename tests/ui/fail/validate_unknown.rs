#![allow(unused)]

use pgjobs::task;

#[task(validate = "loose")]
async fn welcome(user_id: i64) {}

fn main() {}
