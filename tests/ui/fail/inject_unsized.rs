#![allow(unused)]

use pgjobs::task;

trait Mail {}

#[task]
async fn welcome(#[inject] mailer: &dyn Mail) {}

fn main() {}
