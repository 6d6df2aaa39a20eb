#![allow(unused)]

use pgjobs::task;

#[task]
async fn send(#[schemars(rename = "to")] address: String) {}

fn main() {}
