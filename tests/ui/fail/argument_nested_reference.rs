#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(tags: Vec<&[u8]>) {}

fn main() {}
