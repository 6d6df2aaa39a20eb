#![allow(unused)]

use pgjobs::task;

struct Mailer;

#[task(limit(key = mailer, max = 2))]
async fn sync(#[inject] mailer: &Mailer, customer: i64) {}

fn main() {}
