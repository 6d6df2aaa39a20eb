#![allow(unused)]

use pgjobs::task;

#[task]
async fn welcome<'a>(locale: std::borrow::Cow<'a, str>) {}

fn main() {}
