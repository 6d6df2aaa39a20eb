#![allow(unused)]

use pgjobs::task;

#[task]
async fn store<T: Send>(value: T) {}

fn main() {}
