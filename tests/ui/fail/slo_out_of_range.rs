#![allow(unused)]

use pgjobs::task;

#[task(slo = "31d")]
async fn welcome(user_id: i64) {}

fn main() {}
