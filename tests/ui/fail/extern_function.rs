#![allow(unused)]

use pgjobs::task;

#[task]
async extern "C" fn welcome(user_id: i64) {}

fn main() {}
