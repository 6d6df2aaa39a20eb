#![allow(unused)]

use std::sync::Mutex;

use pgjobs::task;

#[task]
async fn count(#[inject] total: &Mutex<i64>, step: i64) {
    let mut total = total.lock().unwrap();
    std::future::ready(()).await;
    *total += step;
}

fn main() {}
