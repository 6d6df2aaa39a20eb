#![allow(unused)]

use pgjobs::task;

#[task(cron = "@daily", catch_up = "latest")]
async fn report() {}

fn main() {}
