#![allow(unused)]

use pgjobs::task;

#[task(cron = "@daily", every = "5m")]
async fn report() {}

fn main() {}
