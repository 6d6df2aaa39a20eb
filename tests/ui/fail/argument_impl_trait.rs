#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: impl Into<i64>) {}

fn main() {}
