#![allow(unused)]

use std::borrow::Cow;

use pgjobs::task;

#[task]
async fn welcome(name: Cow<'_, str>) {}

#[task]
async fn goodbye(name: &String) {}

fn main() {}
