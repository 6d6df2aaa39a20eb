#![allow(unused)]

use pgjobs::task;

#[task(unique(on_conflict = "ignore"))]
async fn one(user_id: i64) {}

#[task(unique(key = user_id, until = "done"))]
async fn two(user_id: i64) {}

#[task(unique(user_id))]
async fn three(user_id: i64) {}

fn main() {}
