#![allow(unused)]

use pgjobs::task;

#[task]
async fn main() {}
