#![allow(unused)]

use pgjobs::task;

#[task]
unsafe extern "C" fn welcome(user_id: i64, mut rest: ...) {}

fn main() {}
