#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(#[default(true)] limit: i64) {}

fn main() {}
