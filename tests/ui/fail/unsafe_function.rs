#![allow(unused)]

use pgjobs::task;

#[task]
async unsafe fn welcome(user_id: i64) {}

fn main() {}
