#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome(locale: &str) {}

fn main() {}
