#![allow(unused)]

use pgjobs::task;

#[task]
async fn move_to((x, y): (i32, i32)) {}

fn main() {}
