#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task]
async fn welcome(#[inject] #[sensitive] mailer: &Mailer, user_id: i64) {}

fn main() {}
