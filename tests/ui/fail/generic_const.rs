#![allow(unused)]

use pgjobs::task;

#[task]
async fn store<const N: usize>(values: [u8; N]) {}

fn main() {}
