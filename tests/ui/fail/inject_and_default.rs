#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(#[inject] #[default(5)] limit: i64) {}

fn main() {}
