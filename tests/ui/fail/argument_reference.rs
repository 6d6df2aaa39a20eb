#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(mailer: &Mailer, user_id: i64) {}

fn main() {}
