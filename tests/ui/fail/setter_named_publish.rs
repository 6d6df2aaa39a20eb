#![allow(unused)]

use pgjobs::task;

#[task]
async fn store(publish: Option<bool>) {}

fn main() {}
