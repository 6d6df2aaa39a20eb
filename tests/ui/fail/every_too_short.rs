#![allow(unused)]

use pgjobs::task;

#[task(every = "100ms")]
async fn report() {}

fn main() {}
