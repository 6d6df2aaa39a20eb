#![allow(unused)]

use pgjobs::task;

#[task]
const LIMIT: i64 = 5;

fn main() {}
