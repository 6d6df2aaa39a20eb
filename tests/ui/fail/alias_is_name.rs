#![allow(unused)]

use pgjobs::task;

#[task(name = "mail.welcome", aliases = ["mail.welcome"])]
async fn welcome(user_id: i64) {}

fn main() {}
