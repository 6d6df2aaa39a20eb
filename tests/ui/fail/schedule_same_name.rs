#![allow(unused)]

use pgjobs::task;

#[task(cron = "@daily", schedule(every = "5m"))]
async fn report() {}

fn main() {}
