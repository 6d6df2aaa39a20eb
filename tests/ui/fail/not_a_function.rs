#![allow(unused)]

use pgjobs::task;

#[task]
struct Welcome;

fn main() {}
