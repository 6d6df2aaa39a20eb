#![allow(unused)]

use pgjobs::task;

struct Filter;

#[task]
async fn search(filter: Filter) {}

fn main() {}
