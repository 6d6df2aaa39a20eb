#![allow(unused)]

use pgjobs::task;
use std::cell::Cell;

#[task]
async fn count(#[inject] counter: &Cell<u64>) {}

fn main() {}
