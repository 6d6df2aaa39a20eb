#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(_: i64) {}

fn main() {}
