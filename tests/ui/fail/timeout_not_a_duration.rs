#![allow(unused)]

use pgjobs::task;

#[task(timeout = "soon")]
async fn welcome(user_id: i64) {}

fn main() {}
