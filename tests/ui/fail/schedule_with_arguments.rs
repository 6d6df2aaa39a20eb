#![allow(unused)]

use pgjobs::task;

#[task(cron = "@daily")]
async fn report(customer: i64) {}

fn main() {}
