#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(#[cfg(unix)] user_id: i64) {}

fn main() {}
