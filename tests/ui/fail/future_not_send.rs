#![allow(unused)]

use std::rc::Rc;

use pgjobs::task;

#[task]
async fn count(start: i64) {
    let shared = Rc::new(start);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}
