#![allow(unused)]

use pgjobs::task;

#[task]
async fn list(#[default(true)] new: bool) {}

fn main() {}
