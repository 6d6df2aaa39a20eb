#![allow(unused)]

use pgjobs::task;

#[task]
fn welcome(user_id: i64) {}

fn main() {}
