#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(#[default(Some(5))] limit: Option<i64>) {}

fn main() {}
