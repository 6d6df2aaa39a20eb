#![allow(unused)]

use pgjobs::task;

mod welcome {}

#[task]
async fn welcome(user_id: i64) {}

fn main() {}
