#![allow(unused)]

use pgjobs::task;

#[task(cron = "@daily", zone = "Europe/Berln")]
async fn report() {}

fn main() {}
