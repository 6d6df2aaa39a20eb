#![allow(unused)]

use pgjobs::task;

#[task]
const fn welcome(user_id: i64) {}

fn main() {}
