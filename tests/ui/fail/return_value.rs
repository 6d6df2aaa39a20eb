#![allow(unused)]

use pgjobs::task;

#[task]
async fn count() -> i32 {
    5
}

fn main() {}
