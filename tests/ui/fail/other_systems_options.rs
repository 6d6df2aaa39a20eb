#![allow(unused)]

use pgjobs::task;

#[task(max_retries = 5, queue = "mail")]
async fn one() {}

#[task(retry_backoff = true, rate_limit = "10/m", time_limit = 30)]
async fn two() {}

#[task(max_attempts = 3, unique_for = "1h", concurrency = 2, timezone = "Europe/Lisbon", delay = "5m")]
async fn three() {}

fn main() {}
