#![allow(unused)]

use pgjobs::task;

#[task(timeout = "30s", warn_after = "30s")]
async fn welcome(user_id: i64) {}

#[task(warn_after = "2m")]
async fn goodbye(user_id: i64) {}

#[task(warn_after = 0)]
async fn hello(user_id: i64) {}

fn main() {}
