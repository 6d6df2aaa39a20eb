#![allow(unused)]

use pgjobs::task;

#[derive(serde::Serialize, serde::Deserialize)]
struct Filter {
    text: String,
}

#[task]
async fn search(filter: Filter) {}

fn main() {}
