#![allow(unused)]

use pgjobs::task;

#[task(schedule(name = "nightly", zone = "Europe/Berlin"))]
async fn report() {}

fn main() {}
