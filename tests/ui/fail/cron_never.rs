#![allow(unused)]

use pgjobs::task;

#[task(cron = "0 0 30 2 *")]
async fn report() {}

fn main() {}
