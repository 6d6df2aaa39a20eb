#![allow(unused)]

use pgjobs::task;

#[task(limit(key = card, max = 2))]
async fn pay(#[sensitive] card: String) {}

fn main() {}
