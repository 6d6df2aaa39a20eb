#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(user_id: i64) {}

#[task]
async fn welcome(user_id: i64, locale: String) {}

fn main() {}
