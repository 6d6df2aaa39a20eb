#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(#[default] limit: i64) {}

fn call() -> welcome {
    welcome::new().limit(5)
}

fn main() {}
