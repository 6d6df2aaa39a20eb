#![allow(unused)]

use pgjobs::task;

#[task]
async fn count() -> impl std::fmt::Debug {}

fn main() {}
