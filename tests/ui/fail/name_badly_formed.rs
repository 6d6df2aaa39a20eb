#![allow(unused)]

use pgjobs::task;

#[task(name = "mail..welcome letter")]
async fn welcome(user_id: i64) {}

fn main() {}
