#![allow(unused)]

use pgjobs::task;

#[task]
async fn store(__run: Option<bool>) {}

fn main() {}
