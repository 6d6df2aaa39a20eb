#![allow(unused)]

use pgjobs::task;

#[task(cron = "61 * * * *")]
async fn report() {}

fn main() {}
