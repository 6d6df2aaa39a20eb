#![allow(unused)]

use pgjobs::task;

#[task(aliases = ["mail.hello", "mail.hello"])]
async fn welcome(user_id: i64) {}

fn main() {}
